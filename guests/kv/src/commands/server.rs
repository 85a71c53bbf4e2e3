//! Commands for the connection and the server: what redis-cli and redis-benchmark ask before they begin, and
//! what people ask.

use super::{COMMANDS, Call, Command, Refusal};
use crate::limits::CLIENTS_MAX;
use crate::reply::Quoted;
use crate::text::Text;
use core::fmt::Write;

/// Longest text of INFO: some 250 bytes of its own, and ten numbers of at most 20.
const INFO_MAX: usize = 512;

/// What the server knows about itself.
#[derive(Default)]
pub(crate) struct Facts {
    /// Where it listens.
    pub port: u16,
    /// Clients at this moment.
    pub clients: usize,
    /// Clients so far.
    pub connections: u64,
    /// Commands so far.
    pub commands: u64,
}

/// `PING [MESSAGE]`.
pub(super) fn ping(call: &mut Call) -> Result<(), Refusal> {
    match call.arguments.count() {
        1 => call.reply.simple("PONG"),
        2 => call.reply.bulk(call.arguments.get(1)),
        _ => return Err("ERR wrong number of arguments for 'ping' command"),
    }
    Ok(())
}

/// `ECHO MESSAGE`.
pub(super) fn echo(call: &mut Call) -> Result<(), Refusal> {
    call.reply.bulk(call.arguments.get(1));
    Ok(())
}

/// `QUIT`.
pub(super) fn quit(call: &mut Call) -> Result<(), Refusal> {
    call.reply.ok();
    call.ends = true;
    Ok(())
}

/// `SELECT 0`: there is one database.
pub(super) fn select(call: &mut Call) -> Result<(), Refusal> {
    match crate::resp::integer(call.arguments.get(1)) {
        Some(0) => call.reply.ok(),
        Some(_) => return Err("ERR DB index is out of range"),
        None => return Err(super::NO_INTEGER),
    }
    Ok(())
}

/// `COMMAND`, `COMMAND COUNT`, and `COMMAND DOCS`, for which there are none.
pub(super) fn command(call: &mut Call) -> Result<(), Refusal> {
    let subcommand = if call.arguments.count() == 1 { &b""[..] } else { call.arguments.get(1) };
    if subcommand.is_empty() {
        call.reply.array(COMMANDS.len());
        for Command { name, arity, keys, .. } in &COMMANDS {
            call.reply.array(6);
            call.reply.bulk(name.as_bytes());
            call.reply.integer(*arity);
            call.reply.array(0);
            keys.iter().for_each(|&key| call.reply.integer(key));
        }
    } else if subcommand.eq_ignore_ascii_case(b"count") {
        call.reply.integer(COMMANDS.len() as i64);
    } else if subcommand.eq_ignore_ascii_case(b"docs") {
        call.reply.array(0);
    } else {
        unknown_subcommand(call, subcommand);
    }
    Ok(())
}

/// `CONFIG GET NAME...`: of what clients ask for and of what can be said here. `*` is every name.
pub(super) fn config(call: &mut Call) -> Result<(), Refusal> {
    let subcommand = call.arguments.get(1);
    if !subcommand.eq_ignore_ascii_case(b"get") {
        unknown_subcommand(call, subcommand);
        return Ok(());
    }
    if call.arguments.count() < 3 {
        return Err("ERR wrong number of arguments for 'config|get' command");
    }
    let settings: [(&str, Option<usize>); 5] = [
        ("appendonly", None),
        ("databases", Some(1)),
        ("maxclients", Some(CLIENTS_MAX)),
        ("maxmemory", Some(call.store.limit_bytes())),
        ("save", None),
    ];
    let is_asked_for = |name: &str| {
        let mut patterns = call.arguments.from(2);
        patterns.any(|pattern| pattern == b"*" || pattern.eq_ignore_ascii_case(name.as_bytes()))
    };
    call.reply.array(2 * settings.iter().filter(|(name, _)| is_asked_for(name)).count());
    for (name, value) in settings.iter().filter(|(name, _)| is_asked_for(name)) {
        call.reply.bulk(name.as_bytes());
        match value {
            Some(number) => {
                call.reply.bulk_head(number.ilog10() as usize + 1);
                let _ = write!(call.reply, "{number}\r\n");
            }
            None => call.reply.bulk(if *name == "save" { b"" } else { b"no" }),
        }
    }
    Ok(())
}

fn unknown_subcommand(call: &mut Call, subcommand: &[u8]) {
    call.reply.error_of(format_args!("ERR unknown subcommand '{}'", Quoted(subcommand)));
}

/// `INFO [SECTION...]`: all of it, whatever the section.
pub(super) fn info(call: &mut Call) -> Result<(), Refusal> {
    let Call { store, facts, now_ms, .. } = call;
    let mut text = Text::<INFO_MAX>::new();
    let written = write!(
        text,
        "# Server\r\nserver:kv\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\n\
         # Clients\r\nconnected_clients:{}\r\nmaxclients:{CLIENTS_MAX}\r\n\
         # Memory\r\nused_memory:{}\r\nmaxmemory:{}\r\n\
         # Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\nexpired_keys:{}\r\n\
         # Keyspace\r\ndb0:keys={},expires={}\r\n",
        facts.port,
        *now_ms / 1000,
        facts.clients,
        store.used_bytes(),
        store.limit_bytes(),
        facts.connections,
        facts.commands,
        store.expired_keys(),
        store.keys(),
        store.mortal_keys(),
    );
    debug_assert!(written.is_ok(), "numbers are bounded");
    call.reply.bulk(text.bytes());
    Ok(())
}
