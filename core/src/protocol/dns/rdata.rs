//! Record types, response codes, and records' data as text.

use std::fmt::Write;

use super::fields::Fields;
use super::{Fault, Name};
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Address;
use crate::protocol::short::Short;
use crate::protocol::{Field, Sink, Value};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const NULL: u16 = 10;
const PTR: u16 = 12;
const HINFO: u16 = 13;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DNAME: u16 = 39;
pub(super) const OPT: u16 = 41;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const SPF: u16 = 99;

/// The data of one record, at its place in the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) kind: u16,
    /// The message up to the end of this data: names in it may point back.
    pub(super) message: &'a [u8],
    pub(super) begins: usize,
}

impl<'a> Data<'a> {
    fn reader(self) -> Reader<'a> {
        let mut reader = Reader::new(self.message);
        // Begins inside the message by construction; a reader at 0 would only read another name.
        let _ = reader.skip(self.begins);
        reader
    }

    /// States the data as text under `field`; for types without a text form, nothing.
    pub(super) fn state(
        self,
        field: &'static Field,
        fields: &'static Fields,
        name: &mut Name,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let mut reader = self.reader();
        // An update that deletes a record has none (RFC 2136 §2.5).
        if reader.is_empty() {
            return Ok(());
        }
        match self.kind {
            A => {
                let octets = reader.array().ok_or(Fault::Data)?;
                out.fact(field, direction, Short::<48>::of(Address::v4(octets)).value());
            }
            AAAA => {
                let octets = reader.array().ok_or(Fault::Data)?;
                out.fact(field, direction, Short::<48>::of(Address(octets)).value());
            }
            NS | CNAME | PTR | DNAME => {
                name.read(self.message, &mut reader)?;
                out.fact(field, direction, Value::Bytes(name.text()));
            }
            MX => self.numbers_and_name::<1>(reader, field, name, direction, out)?,
            SRV => self.numbers_and_name::<3>(reader, field, name, direction, out)?,
            SOA => self.authority(reader, field, name, direction, out)?,
            TXT | SPF | HINFO => strings(reader, field, direction, out)?,
            SVCB | HTTPS => self.service(reader, field, fields, name, direction, out)?,
            NULL => out.fact(field, direction, Value::Bytes(reader.rest())),
            kind if type_name(kind).is_none() => out.fact(field, direction, Value::Bytes(reader.rest())),
            _ => {}
        }
        Ok(())
    }

    /// The octets of an A or AAAA record's address.
    pub(super) fn address(self) -> Option<&'a [u8]> {
        let octets = self.reader().rest();
        matches!((self.kind, octets.len()), (A, 4) | (AAAA, 16)).then_some(octets)
    }

    fn numbers_and_name<const COUNT: usize>(
        self,
        mut reader: Reader<'a>,
        field: &'static Field,
        name: &mut Name,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let mut text = Vec::with_capacity(64);
        for _ in 0..COUNT {
            let number = reader.u16().ok_or(Fault::Data)?;
            text.extend_from_slice(Short::<8>::of(format_args!("{number} ")).bytes());
        }
        name.read(self.message, &mut reader)?;
        text.extend_from_slice(name.text());
        out.fact(field, direction, Value::Bytes(&text));
        Ok(())
    }

    /// MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM (RFC 1035 §3.3.13).
    fn authority(
        self,
        mut reader: Reader<'a>,
        field: &'static Field,
        name: &mut Name,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let mut text = Vec::with_capacity(128);
        name.read(self.message, &mut reader)?;
        text.extend_from_slice(name.text());
        name.read(self.message, &mut reader)?;
        text.push(b' ');
        text.extend_from_slice(name.text());
        for _ in 0..5 {
            let number = reader.u32().ok_or(Fault::Data)?;
            text.extend_from_slice(Short::<12>::of(format_args!(" {number}")).bytes());
        }
        out.fact(field, direction, Value::Bytes(&text));
        Ok(())
    }

    /// A service binding (RFC 9460 §2.2): `1 . alpn=h2,h3 port=8443 ech`.
    fn service(
        self,
        mut reader: Reader<'a>,
        field: &'static Field,
        fields: &'static Fields,
        name: &mut Name,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let priority = reader.u16().ok_or(Fault::Data)?;
        name.read(self.message, &mut reader)?;
        let mut text = format!("{priority} ").into_bytes();
        text.extend_from_slice(name.text());
        let mut ech = None;
        while !reader.is_empty() {
            let key = reader.u16().ok_or(Fault::Data)?;
            let value = reader.sub_u16().ok_or(Fault::Data)?;
            if key == SvcParam::ECH {
                ech = Some(value.peek());
            }
            text.push(b' ');
            SvcParam { key, value }.write(&mut text);
        }
        out.fact(field, direction, Value::Bytes(&text));
        if let Some(configs) = ech {
            out.fact(&fields.ech, direction, Value::Bytes(configs));
        }
        Ok(())
    }
}

/// One SvcParam (RFC 9460 §14.3.2, RFC 9848 for ech).
struct SvcParam<'a> {
    key: u16,
    value: Reader<'a>,
}

impl SvcParam<'_> {
    const ECH: u16 = 5;

    fn write(mut self, text: &mut Vec<u8>) {
        match self.key {
            0 => text.extend_from_slice(b"mandatory"),
            1 => {
                text.extend_from_slice(b"alpn=");
                let mut between: &[u8] = b"";
                while let Some(mut protocol) = self.value.sub_u8() {
                    text.extend_from_slice(between);
                    text.extend_from_slice(protocol.rest());
                    between = b",";
                }
            }
            2 => text.extend_from_slice(b"no-default-alpn"),
            3 => {
                let port = self.value.u16().unwrap_or_default();
                text.extend_from_slice(Short::<12>::of(format_args!("port={port}")).bytes());
            }
            4 => addresses(text, b"ipv4hint=", || self.value.array().map(Address::v4)),
            Self::ECH => text.extend_from_slice(b"ech"),
            6 => addresses(text, b"ipv6hint=", || self.value.array().map(Address)),
            7 => {
                text.extend_from_slice(b"dohpath=");
                text.extend_from_slice(self.value.rest());
            }
            key => text.extend_from_slice(Short::<8>::of(format_args!("key{key}")).bytes()),
        }
    }
}

fn addresses(text: &mut Vec<u8>, key: &[u8], mut next: impl FnMut() -> Option<Address>) {
    text.extend_from_slice(key);
    let mut between: &[u8] = b"";
    while let Some(address) = next() {
        text.extend_from_slice(between);
        text.extend_from_slice(Short::<48>::of(address).bytes());
        between = b",";
    }
}

/// Character strings (RFC 1035 §3.3), put together: programs cut long texts where they like.
fn strings(
    mut reader: Reader<'_>,
    field: &'static Field,
    direction: Direction,
    out: &mut dyn Sink,
) -> Result<(), Fault> {
    let mut first = reader.sub_u8().ok_or(Fault::Data)?;
    if reader.is_empty() {
        out.fact(field, direction, Value::Bytes(first.rest()));
        return Ok(());
    }
    let mut text = first.rest().to_vec();
    while !reader.is_empty() {
        text.extend_from_slice(reader.sub_u8().ok_or(Fault::Data)?.rest());
    }
    out.fact(field, direction, Value::Bytes(&text));
    Ok(())
}

/// The client's network that a resolver passes on (RFC 7871): `192.0.2.0/24`.
pub(super) fn client_subnet(mut options: Reader<'_>) -> Option<Short> {
    const CLIENT_SUBNET: u16 = 8;
    while !options.is_empty() {
        let code = options.u16()?;
        let mut option = options.sub_u16()?;
        if code != CLIENT_SUBNET {
            continue;
        }
        let family = option.u16()?;
        let prefix = option.u8()?;
        option.skip(1)?;
        let mut octets = [0; 16];
        let given = option.rest();
        octets.get_mut(..given.len())?.copy_from_slice(given);
        let address = match family {
            1 => Address::v4([octets[0], octets[1], octets[2], octets[3]]),
            2 => Address(octets),
            _ => return None,
        };
        let mut text = Short::of(address);
        let _ = write!(text, "/{prefix}");
        return Some(text);
    }
    None
}

/// Types that a question may ask for: the registry's, and those left for private use (iodine and others take them).
pub(super) const fn is_plausible_type(kind: u16) -> bool {
    matches!(kind, 1..=66 | 99..=109 | 128 | 249..=263 | 32768 | 32769 | 65280..=65534)
}

/// States the mnemonic of a type, or `TYPE1234` (RFC 3597 §5).
pub(super) fn state_type(field: &'static Field, direction: Direction, kind: u16, out: &mut dyn Sink) {
    match type_name(kind) {
        Some(name) => out.fact(field, direction, Value::Text(name)),
        None => out.fact(field, direction, Short::<12>::of(format_args!("TYPE{kind}")).value()),
    }
}

pub(super) const fn type_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        A => "A",
        NS => "NS",
        3 => "MD",
        4 => "MF",
        CNAME => "CNAME",
        SOA => "SOA",
        7 => "MB",
        8 => "MG",
        9 => "MR",
        NULL => "NULL",
        11 => "WKS",
        PTR => "PTR",
        HINFO => "HINFO",
        14 => "MINFO",
        MX => "MX",
        TXT => "TXT",
        17 => "RP",
        18 => "AFSDB",
        24 => "SIG",
        25 => "KEY",
        AAAA => "AAAA",
        29 => "LOC",
        SRV => "SRV",
        35 => "NAPTR",
        36 => "KX",
        37 => "CERT",
        DNAME => "DNAME",
        OPT => "OPT",
        42 => "APL",
        43 => "DS",
        44 => "SSHFP",
        45 => "IPSECKEY",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        49 => "DHCID",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        53 => "SMIMEA",
        55 => "HIP",
        59 => "CDS",
        60 => "CDNSKEY",
        61 => "OPENPGPKEY",
        62 => "CSYNC",
        63 => "ZONEMD",
        SVCB => "SVCB",
        HTTPS => "HTTPS",
        66 => "DSYNC",
        SPF => "SPF",
        108 => "EUI48",
        109 => "EUI64",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        253 => "MAILB",
        254 => "MAILA",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        261 => "RESINFO",
        32769 => "DLV",
        _ => return None,
    })
}

/// The header's response codes; the extended ones of EDNS are not put together.
pub(super) const fn rcode_name(code: u16) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        _ => "RESERVED",
    }
}
