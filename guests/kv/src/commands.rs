//! The command table: who answers to which name with how many arguments. Errors have the words that Redis
//! has for them, where there are such.

use crate::reply::{Quoted, Reply};
use crate::resp::Arguments;
use crate::store::Store;

mod keys;
mod server;
mod strings;

pub(crate) use server::Facts;

/// What a command sees.
pub(crate) struct Call<'a> {
    /// Its arguments, its name the first.
    pub arguments: Arguments<'a>,
    /// The keys.
    pub store: &'a mut Store,
    /// Where the answer goes.
    pub reply: &'a mut Reply,
    /// What the server knows about itself.
    pub facts: &'a mut Facts,
    /// The machine's clock.
    pub now_ms: u64,
    /// Whether the connection ends behind the answer.
    pub ends: bool,
}

/// Why a command was not carried out: the reply, which begins with the kind of error.
type Refusal = &'static str;
type Run = fn(&mut Call) -> Result<(), Refusal>;

const SYNTAX: Refusal = "ERR syntax error";
const NO_INTEGER: Refusal = "ERR value is not an integer or out of range";
const OUT_OF_MEMORY: Refusal = "OOM command not allowed when the memory is full";

/// A command.
pub(crate) struct Command {
    /// In small letters.
    pub name: &'static str,
    /// Number of arguments, the name counted; negative: so many or more.
    pub arity: i64,
    /// The first and last argument that is a key (negative: counted from the end), and the step between them.
    pub keys: [i64; 3],
    run: Run,
}

const NO_KEYS: [i64; 3] = [0, 0, 0];
const ONE_KEY: [i64; 3] = [1, 1, 1];
const ALL_KEYS: [i64; 3] = [1, -1, 1];

const fn command(name: &'static str, arity: i64, keys: [i64; 3], run: Run) -> Command {
    Command { name, arity, keys, run }
}

/// All commands.
pub(crate) const COMMANDS: [Command; 25] = [
    command("append", 3, ONE_KEY, strings::append),
    command("command", -1, NO_KEYS, server::command),
    command("config", -2, NO_KEYS, server::config),
    command("dbsize", 1, NO_KEYS, keys::dbsize),
    command("decr", 2, ONE_KEY, strings::decr),
    command("decrby", 3, ONE_KEY, strings::decrby),
    command("del", -2, ALL_KEYS, keys::del),
    command("echo", 2, NO_KEYS, server::echo),
    command("exists", -2, ALL_KEYS, keys::exists),
    command("expire", 3, ONE_KEY, keys::expire),
    command("flushall", -1, NO_KEYS, keys::flushall),
    command("get", 2, ONE_KEY, strings::get),
    command("incr", 2, ONE_KEY, strings::incr),
    command("incrby", 3, ONE_KEY, strings::incrby),
    command("info", -1, NO_KEYS, server::info),
    command("mget", -2, ALL_KEYS, strings::mget),
    command("mset", -3, [1, -1, 2], strings::mset),
    command("pexpire", 3, ONE_KEY, keys::pexpire),
    command("ping", -1, NO_KEYS, server::ping),
    command("pttl", 2, ONE_KEY, keys::pttl),
    command("quit", -1, NO_KEYS, server::quit),
    command("select", 2, NO_KEYS, server::select),
    command("set", -3, ONE_KEY, strings::set),
    command("strlen", 2, ONE_KEY, strings::strlen),
    command("ttl", 2, ONE_KEY, keys::ttl),
];

/// Carries a command out, and writes its reply.
pub(crate) fn run(call: &mut Call) {
    call.facts.commands += 1;
    let name = call.arguments.get(0);
    let count = call.arguments.count() as i64;
    match COMMANDS.iter().find(|command| name.eq_ignore_ascii_case(command.name.as_bytes())) {
        None => call.reply.error_of(format_args!("ERR unknown command '{}'", Quoted(name))),
        Some(Command { name, arity, .. }) if (*arity >= 0 && count != *arity) || count < -arity => {
            let why = "wrong number of arguments for";
            call.reply.error_of(format_args!("ERR {why} '{name}' command"));
        }
        Some(command) => {
            if let Err(why) = (command.run)(call) {
                call.reply.clear();
                call.reply.error(why);
            }
        }
    }
}
