//! One alternative of a pattern in a few bytes, so that a hundred thousand of them fit into a cache and are compared
//! without following pointers.
//!
//! ```text
//! row     = flags:byte length path* clause*       the paths are those that clauses share
//! clause  = path tag:byte length (item* | alternative*)
//! item    = operator:byte length operand
//! alternative = length clause*
//! ```
//! Numbers without a type are LEB128; clauses stand in the order of a walk through the tree of paths.

use super::paths::Path;

/// A row has `all`, which looks at a whole list at a time.
pub(crate) const HAS_ALL: u8 = 1;
/// A row has `not`.
pub(crate) const HAS_NOT: u8 = 2;

/// What a clause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A value that any of the items matches.
    Leaf,
    /// The same, or nothing.
    LeafOrAbsent,
    /// None of the alternatives.
    Not,
}

/// What a row asks of one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause<'c> {
    pub(crate) path: Path,
    pub(crate) tag: Tag,
    pub(crate) body: &'c [u8],
}

/// Appends a length or path.
pub(crate) fn put(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Takes a length or path.
#[inline(always)]
pub(crate) fn take(bytes: &mut &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut number = usize::from(first & 0x7f);
    let mut byte = *first;
    let mut shift = 7;
    while byte & 0x80 != 0 {
        let (next, rest) = bytes.split_first()?;
        *bytes = rest;
        byte = *next;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    Some(number)
}

/// Takes what stands after its length.
#[inline(always)]
pub(crate) fn take_sized<'c>(bytes: &mut &'c [u8]) -> Option<&'c [u8]> {
    let length = take(bytes)?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

/// The clauses that were written one after the other.
#[inline(always)]
pub(crate) fn take_clause<'c>(bytes: &mut &'c [u8]) -> Option<Clause<'c>> {
    let path = take(bytes)? as Path;
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    let tag = match tag {
        0 => Tag::Leaf,
        1 => Tag::LeafOrAbsent,
        _ => Tag::Not,
    };
    Some(Clause {
        path,
        tag,
        body: take_sized(bytes)?,
    })
}

/// What a row begins with: its flags, and the paths that several of its clauses go through.
pub(crate) struct RowHead<'c> {
    pub(crate) flags: u8,
    /// The shared paths, one after the other.
    pub(crate) shared: Shared<'c>,
    pub(crate) clauses: &'c [u8],
}

/// Paths that several clauses of a row go through.
#[derive(Clone)]
pub(crate) struct Shared<'c> {
    bytes: &'c [u8],
}

impl Iterator for Shared<'_> {
    type Item = Path;

    #[inline(always)]
    fn next(&mut self) -> Option<Path> {
        take(&mut self.bytes).map(|path| path as Path)
    }
}

/// Takes a row apart.
#[inline(always)]
pub(crate) fn row(row: &[u8]) -> Option<RowHead<'_>> {
    let (flags, mut rest) = row.split_first()?;
    let shared = Shared {
        bytes: take_sized(&mut rest)?,
    };
    Some(RowHead {
        flags: *flags,
        shared,
        clauses: rest,
    })
}

/// Writes a row.
pub(crate) fn row_bytes(flags: u8, shared: &[Path], clauses: &[u8]) -> Vec<u8> {
    let mut paths = Vec::new();
    shared.iter().for_each(|path| put(&mut paths, *path as usize));
    let mut row = Vec::with_capacity(2 + paths.len() + clauses.len());
    row.push(flags);
    put(&mut row, paths.len());
    row.extend_from_slice(&paths);
    row.extend_from_slice(clauses);
    row
}

/// The path of every clause, those inside `not` too.
pub(crate) fn clause_paths(clauses: &[u8], into: &mut Vec<Path>) {
    let mut rest = clauses;
    while let Some(clause) = take_clause(&mut rest) {
        into.push(clause.path);
        if clause.tag == Tag::Not {
            let mut alternatives = clause.body;
            while let Some(clauses) = take_sized(&mut alternatives) {
                clause_paths(clauses, into);
            }
        }
    }
}
