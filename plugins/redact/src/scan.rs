//! Runs the detectors that a text gives reason for, on the text and on what it encodes.

use crate::anchors::{ASSIGN, AT, Anchors, BACKSLASH, CAPITAL, DIGIT, JOINT, PERCENT, WORD};
use crate::bytes::{at, before};
use crate::class::Class;
use crate::detect::{Depth, assign, email, network, number, pem, word};
use crate::finding::{Finding, Sink};
use crate::view::View;

/// How often a text is read again.
const ROUNDS: usize = 4;

/// Finds everything in `text`, in order and without overlaps, and so that nothing is found in what it will become, as
/// `write` writes it: a mask ends words and values, and what stands beside one may look different than it did beside the
/// secret.
pub(crate) fn settled(text: &str, sink: &mut Sink, write: impl Fn(&mut String, &str, Finding)) -> Vec<Finding> {
    scan(text, sink);
    let mut found = if sink.is_empty() {
        return Vec::new();
    } else {
        sink.take()
    };
    for _ in 0..ROUNDS {
        if found.iter().all(|finding| stands_alone(text.as_bytes(), *finding)) {
            break;
        }
        let masked = View::masked(text, &found, &write);
        scan(&masked.text, sink);
        if sink.is_empty() {
            break;
        }
        let more = sink.take();
        let more = more.into_iter().filter_map(|finding| masked.original(finding));
        for finding in found.iter().copied().chain(more) {
            sink.add(finding);
        }
        let all = sink.take();
        if all == found {
            break;
        }
        found = all;
    }
    found
}

/// Whether what is beside a finding ends words and values just as a mask does.
fn stands_alone(text: &[u8], finding: Finding) -> bool {
    let is_edge = |byte: u8| matches!(byte, 0 | b' ' | b'\n' | b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>');
    let (left, right) = (before(text, finding.start), at(text, finding.end));
    // Numbers in a row may be one, and without the one found, another.
    let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'(' | b'+');
    let joins = |byte: u8| matches!(byte, b' ' | b',');
    let follows = joins(left) && before(text, finding.start - 1).is_ascii_digit();
    let goes_on = joins(right) && is_number(at(text, finding.end + 1));
    let sentence_ends = right == b'.' && is_edge(at(text, finding.end + 1));
    // A value that was taken as a whole begins behind its operator; all else may have been a part of one.
    let begins = is_edge(left) || left == b'(' || left == b'=' && finding.class == Class::SecretKey;
    let is_apart = begins && (is_edge(right) || matches!(right, b'&' | b')') || sentence_ends);
    is_apart && !follows && !goes_on
}

/// Finds everything in `text`, read once.
pub(crate) fn scan(text: &str, sink: &mut Sink) {
    let anchors = Anchors::of(text.as_bytes());
    if anchors.any() || !sink.scope().own.is_empty() {
        scan_escaped(text, anchors, Depth::START, sink);
    }
}

/// Which class is found first in `text`, which was itself encoded.
pub(crate) fn first(text: &str, depth: Depth, mut sink: Sink) -> Option<Class> {
    scan_escaped(text, Anchors::of(text.as_bytes()), depth, &mut sink);
    sink.take().first().map(|finding| finding.class)
}

/// A text with escapes is read as what they stand for, and only so: `\"` ends a value, and a line begins behind `\n`.
fn scan_escaped(text: &str, anchors: Anchors, depth: Depth, sink: &mut Sink) {
    match anchors.has(BACKSLASH).then(|| View::unescaped(text)).flatten() {
        Some(view) => through(&view, sink, |text, sink| {
            let anchors = Anchors::of(text.as_bytes());
            match depth.deeper() {
                Some(deeper) => scan_escaped(text, anchors, deeper, sink),
                None => scan_quoted(text, anchors, depth, sink),
            }
        }),
        None => scan_quoted(text, anchors, depth, sink),
    }
}

/// A text with the escapes of URLs is read both ways: `%20` may be a part of a value or its end.
fn scan_quoted(text: &str, anchors: Anchors, depth: Depth, sink: &mut Sink) {
    detect(text, anchors, depth, sink);
    if let Some(view) = anchors.has(PERCENT).then(|| View::unquoted(text)).flatten() {
        through(&view, sink, |text, sink| {
            detect(text, Anchors::of(text.as_bytes()), depth, sink)
        });
    }
}

fn through(view: &View, sink: &mut Sink, scan: impl FnOnce(&str, &mut Sink)) {
    let mut inner = sink.inner();
    scan(&view.text, &mut inner);
    if !inner.is_empty() {
        for finding in inner.take() {
            if let Some(original) = view.original(finding) {
                sink.add(original);
            }
        }
    }
}

fn detect(text: &str, anchors: Anchors, depth: Depth, sink: &mut Sink) {
    let bytes = text.as_bytes();
    if !sink.scope().own.is_empty() {
        let scope = sink.scope().clone();
        scope.own.detect(bytes, &scope.names, sink);
    }
    if anchors.has(AT) && (sink.wants(Class::Email) || sink.wants(Class::UrlPassword)) {
        email::detect(bytes, sink);
    }
    if anchors.has(DIGIT) && number::is_wanted(sink.scope().wanted) {
        number::detect(bytes, sink);
    }
    if anchors.has(ASSIGN | JOINT) && (sink.wants(Class::Ip) || sink.wants(Class::Mac)) {
        network::detect(bytes, sink);
    }
    if anchors.has(ASSIGN) && sink.wants(Class::SecretKey) {
        assign::detect(bytes, sink);
    }
    if anchors.has(WORD) {
        word::detect(bytes, depth, sink);
    }
    if anchors.has_all(JOINT | CAPITAL) && sink.wants(Class::PrivateKey) {
        pem::detect(bytes, sink);
    }
}
