//! MQTT 3.1, 3.1.1 and 5 (OASIS MQTT): what devices tell their broker.
//!
//! Read: the CONNECT packet with its credentials and will, the broker's answer, topics and payloads of PUBLISH, and the
//! filters of SUBSCRIBE and UNSUBSCRIBE. Acknowledgements and pings carry nothing. MQTT over TLS is `tls`, over
//! WebSocket it is `websocket`.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::limits::MESSAGE_BYTES;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

mod wire;

use wire::{Connect, string};

pub(super) static PROTOCOL: Mqtt = Mqtt;

/// The control packet types that are read, MQTT 5 §2.1.2.
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const AUTH: u8 = 15;

/// What MQTT 5 calls itself in CONNECT; 3.1.1 is 4 and 3.1 is 3.
const VERSION_5: u8 = 5;

static KIND: Field = Field::meta("mqtt.type", "type");
static VERSION: Field = Field::meta("mqtt.protocol_version", "connect.protocol_version");
static PROTOCOL_NAME: Field = Field::meta("mqtt.protocol_string", "connect.protocol_string");
static CLIENT_ID: Field = Field::new("mqtt.client_id", Role::Content);
static USERNAME: Field = Field::new("mqtt.username", Role::Username);
static PASSWORD: Field = Field::new("mqtt.password", Role::Password);
static WILL_TOPIC: Field = Field::new("mqtt.will.topic", Role::Content);
static WILL_MESSAGE: Field = Field::new("mqtt.will.message", Role::Content);
static USER_PROPERTY: Field = Field::new("mqtt.user_property", Role::Content);
static SESSION_PRESENT: Field = Field::meta("mqtt.session_present", "connack.session_present");
static RETURN_CODE: Field = Field::meta("mqtt.return_code", "connack.return_code");
static QOS: Field = Field::meta("mqtt.publish.qos", "publish.qos");
static TOPIC: Field = Field::new("mqtt.publish.topic", Role::Content);
static MESSAGE: Field = Field::new("mqtt.publish.message", Role::Content);
static FILTER: Field = Field::new("mqtt.subscribe.topic", Role::Content);

static FIELDS: &[&Field] = &[
    &KIND,
    &VERSION,
    &PROTOCOL_NAME,
    &CLIENT_ID,
    &USERNAME,
    &PASSWORD,
    &WILL_TOPIC,
    &WILL_MESSAGE,
    &USER_PROPERTY,
    &SESSION_PRESENT,
    &RETURN_CODE,
    &QOS,
    &TOPIC,
    &MESSAGE,
    &FILTER,
];

#[derive(Debug)]
pub(super) struct Mqtt;

impl Protocol for Mqtt {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn about(&self) -> &'static str {
        "MQTT 3.1, 3.1.1 and 5, messages of devices to a broker (OASIS MQTT)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1883]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(0x10, 0xf0)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        wire::probe(opening.newest(), opening.flow.has_port(1883))
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

#[derive(Debug, Default)]
struct Session {
    /// The protocol level of CONNECT; 0 until it is known.
    version: u8,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        wire::size(bytes)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let Some(first) = reader.u8() else {
            return After::Next;
        };
        // The remaining length was checked by `size`, and may promise more than MESSAGE_BYTES.
        if wire::variable(&mut reader).is_none() {
            return After::Broken("an MQTT remaining length of more than four bytes");
        }
        let kind = first >> 4;
        if kind == 0 || (kind == AUTH && self.version != VERSION_5 && self.version != 0) {
            return After::Broken("an MQTT packet of a reserved type");
        }
        let read = match kind {
            CONNECT => self.connect(&mut reader, direction, out),
            CONNACK => self.connack(&mut reader, direction, out),
            PUBLISH => self.publish(first & 0x0f, &mut reader, direction, out),
            SUBSCRIBE | UNSUBSCRIBE => self.subscribe(kind, &mut reader, direction, out),
            _ => return After::Next,
        };
        out.end_record();
        match read {
            None if message.len() < MESSAGE_BYTES => After::Broken("an MQTT packet shorter than its fields"),
            _ => After::Next,
        }
    }
}

impl Session {
    fn connect(&mut self, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
        let connect = Connect::read(reader)?;
        self.version = connect.version;
        out.fact(&KIND, direction, Value::Text("connect"));
        out.fact(&PROTOCOL_NAME, direction, Value::Bytes(connect.name));
        out.fact(&VERSION, direction, Value::Number(connect.version.into()));
        properties(connect.properties, direction, out);
        for (field, value) in [
            (&CLIENT_ID, Some(connect.client_id)),
            (&WILL_TOPIC, connect.will_topic),
            (&WILL_MESSAGE, connect.will_message),
            (&USERNAME, connect.username),
            (&PASSWORD, connect.password),
        ] {
            if let Some(value) = value {
                out.fact(field, direction, Value::Bytes(value));
            }
        }
        Some(())
    }

    fn connack(&mut self, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
        let flags = reader.u8()?;
        let code = reader.u8()?;
        if self.version == 0 && !reader.is_empty() {
            self.version = VERSION_5;
        }
        out.fact(&KIND, direction, Value::Text("connack"));
        out.fact(&SESSION_PRESENT, direction, Value::Number((flags & 1).into()));
        out.fact(&RETURN_CODE, direction, Value::Number(code.into()));
        Some(())
    }

    fn publish(
        &self,
        flags: u8,
        reader: &mut Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Option<()> {
        let qos = flags >> 1 & 3;
        let topic = string(reader)?;
        if qos > 0 {
            reader.skip(2)?;
        }
        out.fact(&KIND, direction, Value::Text("publish"));
        out.fact(&QOS, direction, Value::Number(qos.into()));
        // Empty where an MQTT 5 topic alias stands for it.
        if !topic.is_empty() {
            out.fact(&TOPIC, direction, Value::Bytes(topic));
        }
        if self.version == VERSION_5 {
            properties(wire::properties(reader)?, direction, out);
        }
        if !reader.is_empty() {
            out.fact(&MESSAGE, direction, Value::Bytes(reader.rest()));
        }
        Some(())
    }

    fn subscribe(
        &self,
        kind: u8,
        reader: &mut Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Option<()> {
        reader.skip(2)?;
        let name = if kind == SUBSCRIBE { "subscribe" } else { "unsubscribe" };
        out.fact(&KIND, direction, Value::Text(name));
        if self.version == VERSION_5 {
            properties(wire::properties(reader)?, direction, out);
        }
        while !reader.is_empty() {
            out.fact(&FILTER, direction, Value::Bytes(string(reader)?));
            if kind == SUBSCRIBE {
                reader.skip(1)?;
            }
        }
        Some(())
    }
}

/// States the user properties, MQTT 5 §2.2.2.2.
fn properties(mut properties: Reader<'_>, direction: Direction, out: &mut dyn Sink) {
    while let Some(property) = wire::property(&mut properties) {
        if let Some((name, value)) = property {
            out.fact(&USER_PROPERTY, direction, Value::Pair(name, value));
        }
    }
}

#[cfg(test)]
mod tests;
