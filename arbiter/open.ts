/**
 * Which arbiter a command line means: `file:DIR` or `etcd:URL[,URL...]`.
 *
 * main.ts calls this with the value of `--arbiter`.
 */
import { UnavailableError, UsageError } from "../base/errors.ts";
import type { Arbiter } from "./arbiter.ts";
import { EtcdArbiter } from "./etcd.ts";
import { parseEtcdSpec } from "./etcd_spec.ts";
import { FileArbiter } from "./file.ts";

/** How to open it. */
export interface OpenArbiterOptions {
  /** Creates what does not exist yet: only for who starts a fresh machine. For anyone else a missing
   * directory is an arbiter out of reach. An etcd has nothing to create beforehand. */
  readonly create?: boolean;
}

/**
 * Opens the arbiter that `spec` names.
 * @throws UsageError for what is not supported, UnavailableError if it can't be created or a file that it
 *   names can't be read
 */
export function openArbiter(spec: string, options: OpenArbiterOptions = {}): Arbiter {
  const [, kind, place] = spec.match(/^(file|etcd):(.+)$/s) ?? [];
  if (place === undefined) {
    const supported = "file:DIR and etcd:URL[,URL...], with URLs such as https://HOST:PORT";
    throw new UsageError(`arbiter ${JSON.stringify(spec)}: supported is ${supported}`);
  }
  if (kind === "etcd") return new EtcdArbiter(parseEtcdSpec(spec));
  if (options.create) {
    try {
      Deno.mkdirSync(place, { recursive: true });
    } catch (cause) {
      const why = (cause as Error).message;
      throw new UnavailableError(`arbiter ${spec}: ${why}; give a directory that can be made`);
    }
  }
  return new FileArbiter(place);
}
