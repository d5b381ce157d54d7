//! MySQL's and MariaDB's client/server protocol (MySQL source documentation, "Client/Server Protocol").
//!
//! Read: the server's greeting, who logs in, cleartext passwords (`mysql_clear_password`, PAM's `dialog`), every
//! statement with its parameters, files loaded from the client, errors. What follows an SSLRequest is handed on to
//! `tls`. Result rows are passed over; a compressed connection is not read on.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::zero_ended;
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

mod wire;

use wire::{ERROR, Greeting, Login, PROTOCOL_10, capability};

/// A packet's length and sequence number.
const HEADER: usize = 4;

/// First byte of a server's request to authenticate in another way, and of the data that goes with it.
const AUTH_SWITCH: u8 = 0xfe;

/// Commands, the first byte of a client's packet with sequence number 0.
const COM_INIT_DB: u8 = 0x02;
const COM_QUERY: u8 = 0x03;
const COM_CHANGE_USER: u8 = 0x11;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_SEND_LONG_DATA: u8 = 0x18;

static VERSION: Field = Field::meta("mysql.version", "version");
static USER: Field = Field::new("mysql.user", Role::Username);
static PASSWORD: Field = Field::new("mysql.password", Role::Password);
static DATABASE: Field = Field::meta("mysql.database", "database");
static PLUGIN: Field = Field::meta("mysql.auth_plugin", "auth_plugin");
static ATTRIBUTE: Field = Field::new("mysql.attribute", Role::Content);
static COMMAND: Field = Field::meta("mysql.command", "command");
static QUERY: Field = Field::new("mysql.query", Role::Content);
static PARAMETERS: Field = Field::new("mysql.parameters", Role::Content);
static FILE: Field = Field::new("mysql.file", Role::Content);
static CODE: Field = Field::meta("mysql.error_code", "error.code");
static MESSAGE: Field = Field::meta("mysql.error_message", "error.message");

static FIELDS: &[&Field] = &[
    &VERSION,
    &USER,
    &PASSWORD,
    &DATABASE,
    &PLUGIN,
    &ATTRIBUTE,
    &COMMAND,
    &QUERY,
    &PARAMETERS,
    &FILE,
    &CODE,
    &MESSAGE,
];

pub(super) static PROTOCOL: MySql = MySql;

#[derive(Debug)]
pub(super) struct MySql;

impl Protocol for MySql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn about(&self) -> &'static str {
        "MySQL's and MariaDB's client/server protocol, a database"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3306]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    wire::probe(opening.newest())
}

/// Where a connection is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client's first packet is to come.
    #[default]
    Greeting,
    /// The client answers what the server asks; whether in the clear is known by the plugin's name.
    Login,
    Commands,
}

#[derive(Debug, Default)]
struct Session {
    server: Option<Direction>,
    phase: Phase,
    capabilities: u32,
    /// The plugin sends the password as it is.
    cleartext: bool,
    /// The message before had the longest size: this one is its continuation.
    continued: [bool; 2],
    /// The server asked for a local file (`LOAD DATA LOCAL`).
    wants_file: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u24_le() {
            Some(length) => Size::of(HEADER as u64, length),
            None => Size::Needs(HEADER),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let (Some(length), Some(sequence)) = (reader.u24_le(), reader.u8()) else {
            return After::Next;
        };
        let side = direction.index();
        let continues = std::mem::replace(&mut self.continued[side], length == 0x00ff_ffff);
        if continues {
            return After::Next;
        }
        let body = reader.rest();
        let server = *self.server.get_or_insert_with(|| server_of(direction, sequence, body));
        if server == direction {
            self.server_packet(sequence, body, direction, out)
        } else {
            self.client_packet(sequence, body, direction, out)
        }
    }
}

/// The server speaks first, with sequence number 0; a client's first packet has 1.
fn server_of(direction: Direction, sequence: u8, body: &[u8]) -> Direction {
    match (sequence, body.first()) {
        (0, Some(&(PROTOCOL_10 | ERROR))) => direction,
        (1, _) => direction.opposite(),
        _ => Direction::ToClient,
    }
}

impl Session {
    fn server_packet(
        &mut self,
        sequence: u8,
        body: &[u8],
        direction: Direction,
        out: &mut dyn Sink,
    ) -> After {
        match (self.phase, body.first()) {
            (Phase::Greeting, Some(&PROTOCOL_10)) if sequence == 0 => {
                if let Some(greeting) = Greeting::read(body) {
                    out.fact(&VERSION, direction, Value::Bytes(greeting.version));
                    out.end_record();
                }
            }
            (Phase::Login, Some(0x00)) => {
                self.phase = Phase::Commands;
                if self.capabilities & (capability::COMPRESS | capability::ZSTD) != 0 {
                    out.unseen(Unseen::Truncated);
                    return After::Done;
                }
            }
            (Phase::Login, Some(&AUTH_SWITCH)) => {
                if let Some(plugin) = zero_ended(&mut Reader::new(body.get(1..).unwrap_or_default())) {
                    self.plugin(plugin, direction, out);
                    out.end_record();
                }
            }
            (_, Some(&ERROR)) => {
                if let Some((code, message)) = wire::error(body) {
                    out.fact(&CODE, direction, Value::Number(code.into()));
                    out.fact(&MESSAGE, direction, Value::Bytes(message));
                    out.end_record();
                }
            }
            // The answer to a query is a file request: 0xfb and the name. In a row the byte means NULL.
            (Phase::Commands, Some(0xfb)) if sequence == 1 && body.len() > 1 => self.wants_file = true,
            _ => {}
        }
        After::Next
    }

    fn client_packet(
        &mut self,
        sequence: u8,
        body: &[u8],
        direction: Direction,
        out: &mut dyn Sink,
    ) -> After {
        match self.phase {
            Phase::Greeting if sequence == 0 => {
                self.phase = Phase::Commands;
                self.command(body, direction, out);
            }
            Phase::Greeting if wire::is_ssl_request(body) => return After::Secured("tls"),
            Phase::Greeting => {
                self.phase = Phase::Login;
                if let Some(login) = Login::read(body) {
                    self.login(&login, direction, out);
                }
            }
            // Without the server's answers only the sequence number tells that the login is over.
            _ if sequence == 0 => {
                self.phase = Phase::Commands;
                self.wants_file = false;
                self.command(body, direction, out);
            }
            Phase::Login => {
                if self.cleartext {
                    password(body, direction, out);
                    out.end_record();
                }
            }
            Phase::Commands if self.wants_file => {
                if body.is_empty() {
                    self.wants_file = false;
                } else {
                    out.fact(&FILE, direction, Value::Bytes(body));
                    out.end_record();
                }
            }
            Phase::Commands => {}
        }
        After::Next
    }

    fn login(&mut self, login: &Login<'_>, direction: Direction, out: &mut dyn Sink) {
        self.capabilities = login.capabilities;
        out.fact(&USER, direction, Value::Bytes(login.user));
        if let Some(database) = login.database.filter(|name| !name.is_empty()) {
            out.fact(&DATABASE, direction, Value::Bytes(database));
        }
        if let Some(plugin) = login.plugin {
            self.plugin(plugin, direction, out);
            if self.cleartext {
                password(login.response, direction, out);
            }
        }
        let mut attributes = login.attributes;
        while let (Some(name), Some(value)) = (wire::sized(&mut attributes), wire::sized(&mut attributes)) {
            out.fact(&ATTRIBUTE, direction, Value::Pair(name, value));
        }
        out.end_record();
    }

    fn plugin(&mut self, plugin: &[u8], direction: Direction, out: &mut dyn Sink) {
        self.cleartext = matches!(plugin, b"mysql_clear_password" | b"dialog");
        out.fact(&PLUGIN, direction, Value::Bytes(plugin));
    }

    fn command(&mut self, body: &[u8], direction: Direction, out: &mut dyn Sink) {
        let Some((&command, rest)) = body.split_first() else {
            return;
        };
        let Some(name) = wire::command_name(command) else {
            return;
        };
        out.fact(&COMMAND, direction, Value::Text(name));
        match command {
            COM_INIT_DB => out.fact(&DATABASE, direction, Value::Bytes(rest)),
            COM_QUERY => {
                let (parameters, query) = self.query(rest);
                if !parameters.is_empty() {
                    out.fact(&PARAMETERS, direction, Value::Bytes(parameters));
                }
                out.fact(&QUERY, direction, Value::Bytes(query));
            }
            COM_STMT_PREPARE => out.fact(&QUERY, direction, Value::Bytes(rest)),
            // Behind the statement's number, flags and iteration count.
            COM_STMT_EXECUTE => {
                if let Some(parameters @ [_, ..]) = rest.get(9..) {
                    out.fact(&PARAMETERS, direction, Value::Bytes(parameters));
                }
            }
            // Behind the statement's and the parameter's number.
            COM_STMT_SEND_LONG_DATA => {
                if let Some(parameter @ [_, ..]) = rest.get(6..) {
                    out.fact(&PARAMETERS, direction, Value::Bytes(parameter));
                }
            }
            COM_CHANGE_USER => {
                if let Some(user) = zero_ended(&mut Reader::new(rest)) {
                    out.fact(&USER, direction, Value::Bytes(user));
                }
                self.phase = Phase::Login;
            }
            _ => {}
        }
        out.end_record();
    }

    /// With `CLIENT_QUERY_ATTRIBUTES` a query has named parameters in front of its text.
    fn query<'a>(&self, body: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        if self.capabilities & capability::QUERY_ATTRIBUTES == 0 {
            return (&[], body);
        }
        match body {
            [0, 1, query @ ..] => (&[], query),
            // The parameters' lengths hang on their types; the text is where they end, and both are searched.
            _ => (&[], body),
        }
    }
}

/// A password in the clear ends with a zero; PAM's `dialog` may leave it out.
fn password(body: &[u8], direction: Direction, out: &mut dyn Sink) {
    let password = body.strip_suffix(b"\0").unwrap_or(body);
    if !password.is_empty() {
        out.fact(&PASSWORD, direction, Value::Bytes(password));
    }
}

#[cfg(test)]
mod tests;
