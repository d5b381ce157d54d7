//! Says what stands in a message.

use super::fields::{Fields, Section};
use super::message::Header;
use super::rdata::{self, Data};
use super::{Fault, Name};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction};
use crate::protocol::short::Short;
use crate::protocol::{Field, Progress, Sink, Value};

/// States the facts of one message and ends its record. A message that breaks off still has its beginning stated.
pub(crate) fn message(
    fields: &'static Fields,
    chunk: Chunk<'_>,
    out: &mut dyn Sink,
) -> Result<(), (Fault, usize)> {
    let mut reader = Reader::new(chunk.bytes);
    let header = Header::read(&mut reader).ok_or((Fault::Short, 0))?;
    let mut report =
        Report { fields, direction: chunk.direction, message: chunk.bytes, reader, name: Name::new(), out };
    let result = report.contents(header);
    report.out.end_record();
    result.map_err(|fault| (fault, report.reader.offset()))
}

/// The same for a parser of datagrams.
pub(crate) fn datagram(fields: &'static Fields, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
    match message(fields, chunk, out) {
        Ok(()) => Progress::Consumed(chunk.bytes.len()),
        Err((fault, at)) => Progress::Malformed { what: fault.sentence(), at },
    }
}

struct Report<'a, 'o> {
    fields: &'static Fields,
    direction: Direction,
    message: &'a [u8],
    reader: Reader<'a>,
    name: Name,
    out: &'o mut dyn Sink,
}

impl Report<'_, '_> {
    fn contents(&mut self, header: Header) -> Result<(), Fault> {
        self.header(header);
        for index in 0..header.questions {
            self.question(header, index == 0)?;
        }
        let fields = self.fields;
        for index in 0..header.answers {
            let names_subject = header.questions == 0 && index == 0;
            self.record(&fields.answers, names_subject)?;
        }
        for _ in 0..header.authorities {
            self.record(&fields.authorities, false)?;
        }
        for _ in 0..header.additionals {
            self.record(&fields.additionals, false)?;
        }
        Ok(())
    }

    fn header(&mut self, header: Header) {
        let kind = if header.is_response() { "answer" } else { "query" };
        self.fact_text(&self.fields.kind, kind);
        self.fact_number(&self.fields.id, header.id.into());
        let flags = Short::<4>::of(format_args!("{:04x}", header.flags));
        self.out.fact(&self.fields.flags, self.direction, flags.value());
        if header.is_response() {
            self.fact_text(&self.fields.rcode, rdata::rcode_name(header.rcode()));
        }
    }

    fn question(&mut self, header: Header, first: bool) -> Result<(), Fault> {
        self.name.read(self.message, &mut self.reader)?;
        if self.direction == Direction::ToServer && !header.is_response() && self.out.wants_content() {
            self.fact_name(&self.fields.content);
        }
        self.name.make_lowercase();
        let (name, kind) = if first {
            (&self.fields.question, &self.fields.question_type)
        } else {
            (&self.fields.further, &self.fields.further_type)
        };
        self.fact_name(name);
        if first && is_dnscrypt_certificate(self.name.text()) {
            self.out.refine(DNSCRYPT);
        }
        let question_type = self.u16()?;
        rdata::state_type(kind, self.direction, question_type, self.out);
        self.reader.skip(2).ok_or(Fault::Short)
    }

    fn record(&mut self, section: &'static Section, names_subject: bool) -> Result<(), Fault> {
        self.name.read(self.message, &mut self.reader)?;
        let kind = self.u16()?;
        if kind == rdata::OPT {
            return self.options();
        }
        self.fact_name(&section.name);
        if names_subject {
            self.name.make_lowercase();
            self.fact_name(&self.fields.subject);
        }
        rdata::state_type(&section.kind, self.direction, kind, self.out);
        self.reader.skip(2).ok_or(Fault::Short)?;
        let ttl = self.reader.u32().ok_or(Fault::Short)?;
        self.fact_number(&section.ttl, ttl.into());
        let length = usize::from(self.u16()?);
        let begins = self.reader.offset();
        self.reader.skip(length).ok_or(Fault::Short)?;
        let data = Data { kind, message: self.message.get(..begins + length).unwrap_or_default(), begins };
        data.state(&section.data, self.fields, &mut self.name, self.direction, self.out)?;
        if std::ptr::eq(section, &self.fields.answers)
            && let Some(octets) = data.address()
        {
            self.out.fact(&self.fields.address, self.direction, Value::Bytes(octets));
        }
        Ok(())
    }

    /// EDNS: the class field is the sender's payload size, the data a list of options (RFC 6891 §6.1.2).
    fn options(&mut self) -> Result<(), Fault> {
        let size = self.u16()?;
        self.fact_number(&self.fields.payload_size, size.into());
        self.reader.skip(4).ok_or(Fault::Short)?;
        let options = self.reader.sub_u16().ok_or(Fault::Short)?;
        if let Some(subnet) = rdata::client_subnet(options) {
            self.out.fact(&self.fields.client_subnet, self.direction, subnet.value());
        }
        Ok(())
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        self.reader.u16().ok_or(Fault::Short)
    }

    fn fact_name(&mut self, field: &'static Field) {
        self.out.fact(field, self.direction, Value::Bytes(self.name.text()));
    }

    fn fact_number(&mut self, field: &'static Field, number: u64) {
        self.out.fact(field, self.direction, Value::Number(number));
    }

    fn fact_text(&mut self, field: &'static Field, text: &str) {
        self.out.fact(field, self.direction, Value::Text(text));
    }
}

/// A session of DNSCrypt begins with an ordinary query for the provider's certificate.
pub(super) const DNSCRYPT: &str = "dnscrypt";

/// `2.dnscrypt-cert.provider.example`: the protocol's version, then the fixed label (draft-denis-dprive-dnscrypt,
/// section "Session Establishment").
fn is_dnscrypt_certificate(name: &[u8]) -> bool {
    matches!(name, [b'1'..=b'9', b'.', rest @ ..] if rest.starts_with(b"dnscrypt-cert."))
}
