//! What requests and responses say in every version of HTTP (RFC 9110): the facts of HTTP/1.x and HTTP/2 are the same
//! but for the protocol's name in front.

use super::auth;
use crate::flow::Direction::{ToClient, ToServer};
use crate::protocol::{Field, Sink, Value};

#[derive(Debug)]
pub(in crate::protocol) struct Fields {
    pub(in crate::protocol) method: Field,
    pub(in crate::protocol) target: Field,
    pub(in crate::protocol) version: Field,
    pub(in crate::protocol) host: Field,
    pub(in crate::protocol) user_agent: Field,
    pub(in crate::protocol) referer: Field,
    pub(in crate::protocol) request_type: Field,
    pub(in crate::protocol) query: Field,
    pub(in crate::protocol) request_header: Field,
    pub(in crate::protocol) request_body: Field,
    pub(in crate::protocol) login: auth::Fields,
    pub(in crate::protocol) status: Field,
    pub(in crate::protocol) response_type: Field,
    pub(in crate::protocol) server: Field,
    pub(in crate::protocol) location: Field,
    pub(in crate::protocol) length: Field,
    pub(in crate::protocol) response_header: Field,
    pub(in crate::protocol) response_body: Field,
    pub(in crate::protocol) anomaly: Field,
}

/// The fields of the protocol that is named in front.
macro_rules! fields {
    ($protocol:literal) => {
        $crate::protocol::http::semantics::Fields {
            method: Field::meta(concat!($protocol, ".request.method"), "http_method"),
            target: Field::meta(concat!($protocol, ".request.target"), "url"),
            version: Field::meta(concat!($protocol, ".request.version"), "protocol"),
            host: Field::hostname(concat!($protocol, ".host"), "hostname"),
            user_agent: Field::meta(concat!($protocol, ".request.user_agent"), "http_user_agent"),
            referer: Field::meta(concat!($protocol, ".request.referer"), "http_refer"),
            request_type: Field::meta(concat!($protocol, ".request.content_type"), ""),
            query: Field::new(concat!($protocol, ".request.query"), $crate::protocol::Role::Content),
            request_header: Field::new(
                concat!($protocol, ".request.header"),
                $crate::protocol::Role::Content,
            ),
            request_body: Field::new(concat!($protocol, ".request.body"), $crate::protocol::Role::Content),
            login: $crate::protocol::http::auth::Fields::new(
                concat!($protocol, ".auth.scheme"),
                concat!($protocol, ".username"),
                concat!($protocol, ".password"),
                concat!($protocol, ".bearer"),
            ),
            status: Field::meta(concat!($protocol, ".response.status"), "status"),
            response_type: Field::meta(concat!($protocol, ".response.content_type"), "http_content_type"),
            server: Field::meta(concat!($protocol, ".response.server"), ""),
            location: Field::meta(concat!($protocol, ".response.location"), "redirect"),
            length: Field::meta(concat!($protocol, ".response.length"), "length"),
            response_header: Field::meta(concat!($protocol, ".response.header"), ""),
            response_body: Field::new(concat!($protocol, ".response.body"), $crate::protocol::Role::Content),
            anomaly: Field::meta(concat!($protocol, ".anomaly"), ""),
        }
    };
}
pub(in crate::protocol) use fields;

impl Fields {
    pub(in crate::protocol) const fn all(&'static self) -> [&'static Field; 22] {
        [
            &self.method,
            &self.target,
            &self.version,
            &self.host,
            &self.user_agent,
            &self.referer,
            &self.request_type,
            &self.query,
            &self.request_header,
            &self.request_body,
            &self.login.scheme,
            &self.login.username,
            &self.login.password,
            &self.login.bearer,
            &self.status,
            &self.response_type,
            &self.server,
            &self.location,
            &self.length,
            &self.response_header,
            &self.response_body,
            &self.anomaly,
        ]
    }

    /// States a field of a request's header, which is anything but `Host`.
    pub(in crate::protocol) fn state_request_header(
        &'static self,
        name: &[u8],
        value: &[u8],
        out: &mut dyn Sink,
    ) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        let meta = match name.len() {
            10 if is("user-agent") => Some(&self.user_agent),
            7 if is("referer") => Some(&self.referer),
            12 if is("content-type") => Some(&self.request_type),
            _ => None,
        };
        if let Some(field) = meta {
            out.fact(field, ToServer, Value::Bytes(value));
        } else if matches!(name.len(), 13 | 19) && (is("authorization") || is("proxy-authorization")) {
            self.login.state(value, out);
        }
        if out.wants_content() {
            out.fact(&self.request_header, ToServer, Value::Pair(name, value));
        }
    }

    /// States a field of a response's header.
    pub(in crate::protocol) fn state_response_header(
        &'static self,
        name: &[u8],
        value: &[u8],
        out: &mut dyn Sink,
    ) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        let meta = match name.len() {
            12 if is("content-type") => Some(&self.response_type),
            6 if is("server") => Some(&self.server),
            8 if is("location") => Some(&self.location),
            _ => None,
        };
        if let Some(field) = meta {
            out.fact(field, ToClient, Value::Bytes(value));
        }
        out.fact(&self.response_header, ToClient, Value::Pair(name, value));
    }
}
