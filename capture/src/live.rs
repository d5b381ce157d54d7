//! Frames off an interface, through libpcap.

use std::time::Duration;

use pcap::{Active, Device, Error};
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use crate::error::CaptureError;
use crate::frame::Frame;

/// How to listen.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// In the language of pcap-filter(7); frames that do not match are dropped in the kernel.
    pub filter: Option<&'a str>,
    /// Bytes kept of each frame.
    pub snapshot_length: u32,
    /// Also frames that are not for this machine.
    pub promiscuous: bool,
    /// How long the kernel may gather frames before it hands them over.
    pub timeout: Duration,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            filter: None,
            snapshot_length: 262_144,
            promiscuous: false,
            timeout: Duration::from_millis(100),
        }
    }
}

/// An interface being listened to.
pub struct Live {
    name: String,
    capture: pcap::Capture<Active>,
    link: LinkType,
    frames: u64,
}

/// Since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    pub received: u32,
    /// Lost because they were not fetched in time.
    pub dropped: u32,
    /// Lost by the interface or its driver.
    pub dropped_by_interface: u32,
}

/// Names of the interfaces that this user may listen to.
pub fn interfaces() -> Vec<String> {
    // Failing to list them is no reason to fail: what matters is whether the one asked for can be opened.
    Device::list().unwrap_or_default().into_iter().map(|device| device.name).collect()
}

impl Live {
    pub fn open(interface: &str, settings: &Settings<'_>) -> Result<Self, CaptureError> {
        let mut capture = activate(interface, settings).map_err(|error| refused(interface, &error))?;
        if let Some(filter) = settings.filter {
            capture
                .filter(filter, true)
                .map_err(|error| CaptureError::Filter { filter: filter.to_owned(), reason: text(&error) })?;
        }
        let number = capture.get_datalink().0;
        let link = u16::try_from(number).map(LinkType).map_err(|_| CaptureError::Interface {
            name: interface.to_owned(),
            reason: format!("its link type {number} is no link type"),
        })?;
        Ok(Self { name: interface.to_owned(), capture, link, frames: 0 })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next frame, or `None` if there is none yet: the caller's chance to let time pass.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.frames = self.frames.saturating_add(1);
                let nanoseconds =
                    u64::try_from(packet.header.ts.tv_usec).unwrap_or_default().saturating_mul(1_000);
                let seconds = u64::try_from(packet.header.ts.tv_sec).unwrap_or_default();
                Ok(Some(Frame {
                    number: self.frames,
                    time: Timestamp(Timestamp::from_seconds(seconds).0.saturating_add(nanoseconds)),
                    link: self.link,
                    bytes: packet.data,
                    original_length: packet.header.len,
                    interface: 0,
                }))
            }
            Err(Error::TimeoutExpired) => {
                std::thread::sleep(NAP);
                Ok(None)
            }
            Err(error) => Err(CaptureError::Interface { name: self.name.clone(), reason: text(&error) }),
        }
    }

    pub fn statistics(&mut self) -> Option<Statistics> {
        let stat = self.capture.stats().ok()?;
        Some(Statistics {
            received: stat.received,
            dropped: stat.dropped,
            dropped_by_interface: stat.if_dropped,
        })
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("name", &self.name)
            .field("link", &self.link)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

/// How long to wait before looking again where there was nothing.
const NAP: Duration = Duration::from_millis(10);

/// Linux's pseudo-interface; it cannot be promiscuous, and asking makes libpcap warn, which the crate takes for failure.
const ANY: &str = "any";

fn activate(interface: &str, settings: &Settings<'_>) -> Result<pcap::Capture<Active>, Error> {
    // 0 would mean to wait for ever.
    let timeout = i32::try_from(settings.timeout.as_millis()).unwrap_or(i32::MAX).max(1);
    pcap::Capture::from_device(interface)?
        .snaplen(i32::try_from(settings.snapshot_length).unwrap_or(i32::MAX))
        .promisc(settings.promiscuous && interface != ANY)
        .timeout(timeout)
        .open()?
        // libpcap's timeout is no promise: on Linux a quiet interface would be waited for without end.
        .setnonblock()
}

/// libpcap tells reasons apart only by their text, which differs between systems.
fn refused(interface: &str, error: &Error) -> CaptureError {
    let (name, reason) = (interface.to_owned(), text(error));
    if reason.to_ascii_lowercase().contains("permi") {
        return CaptureError::NotPermitted { name, reason };
    }
    let known = interfaces();
    if !known.contains(&name) {
        return CaptureError::UnknownInterface { name, known };
    }
    CaptureError::Interface { name, reason }
}

fn text(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Live, Settings};
    use crate::error::CaptureError;

    #[test]
    fn an_unknown_interface_is_refused_with_a_sentence() {
        let error = Live::open("no-such-if0", &Settings::default()).expect_err("no such interface");
        assert!(
            matches!(error, CaptureError::UnknownInterface { .. } | CaptureError::NotPermitted { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("no-such-if0"));
    }
}
