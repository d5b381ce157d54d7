//! The fields of a DNS message, declared once for each of the protocols that speak it.

use crate::protocol::Field;

/// Where the facts of a message go. EVE paths are those of Suricata's `dns` record.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) kind: Field,
    pub(crate) id: Field,
    pub(crate) flags: Field,
    pub(crate) rcode: Field,
    pub(crate) question: Field,
    pub(crate) question_type: Field,
    /// The query's name as sent, in its own case: its labels can carry anything.
    pub(crate) content: Field,
    pub(crate) further: Field,
    pub(crate) further_type: Field,
    /// What an answer without a question is about.
    pub(crate) subject: Field,
    pub(crate) answers: Section,
    pub(crate) authorities: Section,
    pub(crate) additionals: Section,
    pub(crate) address: Field,
    pub(crate) ech: Field,
    pub(crate) payload_size: Field,
    pub(crate) client_subnet: Field,
}

/// The fields of one section's records.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: Field,
    pub(crate) kind: Field,
    pub(crate) ttl: Field,
    pub(crate) data: Field,
}

macro_rules! section {
    ($name:expr, $eve:literal) => {
        $crate::protocol::dns::fields::Section {
            name: Field::meta(concat!($name, ".name"), concat!($eve, "[].rrname")),
            kind: Field::meta(concat!($name, ".type"), concat!($eve, "[].rrtype")),
            ttl: Field::meta(concat!($name, ".ttl"), concat!($eve, "[].ttl")),
            data: Field::meta(concat!($name, ".data"), concat!($eve, "[].rdata")),
        }
    };
}

/// Declares `FIELDS` and the list `DECLARED` of all of them, named after the protocol.
macro_rules! message_fields {
    ($protocol:literal) => {
        static FIELDS: $crate::protocol::dns::fields::Fields = $crate::protocol::dns::fields::Fields {
            kind: Field::meta(concat!($protocol, ".kind"), "type"),
            id: Field::meta(concat!($protocol, ".txid"), "id"),
            flags: Field::meta(concat!($protocol, ".flags"), "flags"),
            rcode: Field::meta(concat!($protocol, ".rcode"), "rcode"),
            question: Field::hostname(concat!($protocol, ".question.name"), "rrname"),
            question_type: Field::meta(concat!($protocol, ".question.type"), "rrtype"),
            content: Field::new(concat!($protocol, ".question.content"), Role::Content),
            further: Field::meta(concat!($protocol, ".question.further.name"), "queries[].rrname"),
            further_type: Field::meta(concat!($protocol, ".question.further.type"), "queries[].rrtype"),
            subject: Field::hostname(concat!($protocol, ".subject"), ""),
            answers: section!(concat!($protocol, ".answer"), "answers"),
            authorities: section!(concat!($protocol, ".authority"), "authorities"),
            additionals: section!(concat!($protocol, ".additional"), "additionals"),
            address: Field::new(concat!($protocol, ".answer.address"), Role::Address),
            ech: Field::meta(concat!($protocol, ".ech"), ""),
            payload_size: Field::meta(concat!($protocol, ".edns.size"), "edns.udp_size"),
            client_subnet: Field::meta(concat!($protocol, ".edns.client-subnet"), "edns.client_subnet"),
        };

        static DECLARED: &[&Field] = &[
            &FIELDS.kind,
            &FIELDS.id,
            &FIELDS.flags,
            &FIELDS.rcode,
            &FIELDS.question,
            &FIELDS.question_type,
            &FIELDS.content,
            &FIELDS.further,
            &FIELDS.further_type,
            &FIELDS.subject,
            &FIELDS.answers.name,
            &FIELDS.answers.kind,
            &FIELDS.answers.ttl,
            &FIELDS.answers.data,
            &FIELDS.authorities.name,
            &FIELDS.authorities.kind,
            &FIELDS.authorities.ttl,
            &FIELDS.authorities.data,
            &FIELDS.additionals.name,
            &FIELDS.additionals.kind,
            &FIELDS.additionals.ttl,
            &FIELDS.additionals.data,
            &FIELDS.address,
            &FIELDS.ech,
            &FIELDS.payload_size,
            &FIELDS.client_subnet,
        ];
    };
}

pub(crate) use {message_fields, section};
