//! The names that any pattern asks for, as a tree in flat lists, so that copying it for a change is quick.

/// A place in events that patterns name; [`Paths::ROOT`] is the event itself.
pub(crate) type Path = u32;

const NONE: u32 = u32::MAX;

/// A tree of names.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    nodes: Vec<Node>,
    /// Open addressing by parent and name; a power of two, at most half full.
    slots: Vec<Slot>,
    /// The names, one after the other.
    names: Vec<u8>,
    free: Vec<Path>,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Path,
    depth: u32,
    name: (u32, u32),
    /// A bit for each child's name; may keep those of former children.
    children: u64,
    /// How many children and clauses need the node.
    uses: u32,
    /// How many rows have clauses that meet here or go on from here together.
    shared: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    word: u64,
    parent: Path,
    child: Path,
}

const EMPTY: Slot = Slot {
    word: 0,
    parent: NONE,
    child: NONE,
};

impl Default for Paths {
    fn default() -> Paths {
        let root = Node {
            parent: NONE,
            depth: 0,
            name: (0, 0),
            children: 0,
            uses: 1,
            shared: 0,
        };
        Paths {
            nodes: vec![root],
            slots: vec![EMPTY; 8],
            names: Vec::new(),
            free: Vec::new(),
            used: 0,
        }
    }
}

/// The name that `text` begins with, in one number: the name itself if it has up to eight bytes.
#[inline(always)]
fn word(text: &[u8], length: usize) -> u64 {
    match text.first_chunk::<8>() {
        Some(bytes) if length <= 8 => u64::from_le_bytes(*bytes) & (u64::MAX >> (64 - 8 * length.clamp(1, 8))),
        Some(bytes) => {
            // Names that begin alike often end in a number.
            let end = text
                .get(..length)
                .and_then(<[u8]>::last_chunk::<8>)
                .map_or(0, |end| u64::from_le_bytes(*end));
            u64::from_le_bytes(*bytes) ^ end.rotate_left(29)
        }
        None => text
            .iter()
            .take(length)
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[inline(always)]
fn mix(word: u64, length: usize) -> u64 {
    let mixed = (word ^ (length as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

impl Paths {
    pub(crate) const ROOT: Path = 0;

    /// How many places there are, former ones included: one more than the largest [`Path`].
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The member of that name, if any pattern asks for it.
    pub(crate) fn child(&self, parent: Path, name: &[u8]) -> Option<Path> {
        self.child_at(parent, name, name.len())
    }

    /// As [`Paths::child`], for the name of that length that the text begins with.
    #[inline(always)]
    pub(crate) fn child_at(&self, parent: Path, text: &[u8], length: usize) -> Option<Path> {
        let node = self.nodes.get(parent as usize)?;
        let word = word(text, length);
        let mixed = mix(word, length);
        if node.children & 1 << (mixed >> 58) == 0 {
            return None;
        }
        self.look_up(parent, text.get(..length)?, word, mixed)
    }

    fn look_up(&self, parent: Path, name: &[u8], word: u64, mixed: u64) -> Option<Path> {
        let mask = self.slots.len() - 1;
        let mut at = self.start(parent, mixed);
        loop {
            let slot = self.slots.get(at)?;
            if slot.child == NONE {
                return None;
            }
            if slot.word == word && slot.parent == parent && self.name(slot.child) == name {
                return Some(slot.child);
            }
            at = (at + 1) & mask;
        }
    }

    #[inline(always)]
    fn start(&self, parent: Path, mixed: u64) -> usize {
        (mixed ^ u64::from(parent).wrapping_mul(0xff51_afd7_ed55_8ccd)) as usize & (self.slots.len() - 1)
    }

    fn name(&self, path: Path) -> &[u8] {
        let (start, end) = self.nodes.get(path as usize).map_or((0, 0), |node| node.name);
        self.names.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Whether patterns ask for members of objects here.
    #[inline(always)]
    pub(crate) fn has_children(&self, path: Path) -> bool {
        self.nodes.get(path as usize).is_some_and(|node| node.children != 0)
    }

    /// Whether clauses of one row meet here or go on from here together: if it is a list, they must hold for one of its
    /// elements.
    #[inline(always)]
    pub(crate) fn is_shared(&self, path: Path) -> bool {
        self.nodes.get(path as usize).is_some_and(|node| node.shared != 0)
    }

    /// Notes that clauses of a row share the place, until [`Paths::unshare`].
    pub(crate) fn share(&mut self, path: Path) {
        if let Some(node) = self.nodes.get_mut(path as usize) {
            node.shared += 1;
        }
    }

    pub(crate) fn unshare(&mut self, path: Path) {
        if let Some(node) = self.nodes.get_mut(path as usize) {
            node.shared -= 1;
        }
    }

    pub(crate) fn depth(&self, path: Path) -> u32 {
        self.nodes.get(path as usize).map_or(0, |node| node.depth)
    }

    pub(crate) fn parent(&self, path: Path) -> Path {
        self.nodes.get(path as usize).map_or(NONE, |node| node.parent)
    }

    /// The place on the way to `path` that has this depth, which must not be more than its own.
    pub(crate) fn ancestor(&self, path: Path, depth: u32) -> Path {
        let mut path = path;
        while self.depth(path) > depth {
            path = self.parent(path);
        }
        path
    }

    /// The last place that the ways to both go through.
    pub(crate) fn meeting(&self, one: Path, other: Path) -> Path {
        let depth = self.depth(one).min(self.depth(other));
        let (mut one, mut other) = (self.ancestor(one, depth), self.ancestor(other, depth));
        while one != other {
            (one, other) = (self.parent(one), self.parent(other));
        }
        one
    }

    /// The place of that name, made if need be. It stays until [`Paths::release`] has been called as often as
    /// [`Paths::keep`].
    pub(crate) fn make(&mut self, parent: Path, name: &str) -> Path {
        let bytes = name.as_bytes();
        let word = word(bytes, bytes.len());
        let mixed = mix(word, bytes.len());
        if let Some(found) = self.look_up(parent, bytes, word, mixed) {
            return found;
        }
        let start = self.names.len();
        self.names.extend_from_slice(bytes);
        let node = Node {
            parent,
            depth: self.depth(parent) + 1,
            name: (start as u32, self.names.len() as u32),
            children: 0,
            uses: 0,
            shared: 0,
        };
        let child = match self.free.pop() {
            Some(free) => free,
            None => {
                self.nodes.push(node);
                self.nodes.len() as Path - 1
            }
        };
        if let Some(place) = self.nodes.get_mut(child as usize) {
            *place = node;
        }
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.children |= 1 << (mixed >> 58);
            parent.uses += 1;
        }
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            self.rehash();
        } else {
            self.put(child, parent, word, mixed);
        }
        child
    }

    fn put(&mut self, child: Path, parent: Path, word: u64, mixed: u64) {
        let mask = self.slots.len() - 1;
        let mut at = self.start(parent, mixed);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.child == NONE {
                *slot = Slot { word, parent, child };
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Makes the table anew, and the names of what is left.
    fn rehash(&mut self) {
        let size = (self.used * 4).next_power_of_two().max(8);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
        drop(old);
        let names = std::mem::take(&mut self.names);
        let free: std::collections::HashSet<Path> = self.free.iter().copied().collect();
        for path in 1..self.nodes.len() as Path {
            if free.contains(&path) {
                continue;
            }
            let start = self.names.len();
            let Some(node) = self.nodes.get_mut(path as usize) else {
                continue;
            };
            let name = names
                .get(node.name.0 as usize..node.name.1 as usize)
                .unwrap_or_default();
            self.names.extend_from_slice(name);
            node.name = (start as u32, self.names.len() as u32);
            let (parent, word) = (node.parent, word(name, name.len()));
            let mixed = mix(word, name.len());
            self.put(path, parent, word, mixed);
        }
    }

    /// Notes that a clause needs the place.
    pub(crate) fn keep(&mut self, path: Path) {
        if let Some(node) = self.nodes.get_mut(path as usize) {
            node.uses += 1;
        }
    }

    /// Takes back one [`Paths::keep`], and removes what nobody needs any more.
    pub(crate) fn release(&mut self, path: Path) {
        let mut path = path;
        while let Some(node) = self.nodes.get_mut(path as usize) {
            node.uses -= 1;
            if node.uses > 0 || path == Paths::ROOT {
                return;
            }
            let parent = node.parent;
            self.free.push(path);
            self.used -= 1;
            path = parent;
            // Rare, since patterns come and go but names stay.
            self.rehash();
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.slots.capacity() * size_of::<Slot>() + self.names.capacity()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_while_they_are_needed() {
        let mut paths = Paths::default();
        let mut made = Vec::new();
        for number in 0..500 {
            let name = format!("a long name of a field {number}");
            let parent = paths.make(Paths::ROOT, &format!("p{}", number % 7));
            let child = paths.make(parent, &name);
            paths.keep(child);
            made.push((parent, name, child));
        }
        for (parent, name, child) in &made {
            assert_eq!(paths.child(*parent, name.as_bytes()), Some(*child));
            assert_eq!(paths.child(Paths::ROOT, name.as_bytes()), None);
            assert_eq!((paths.depth(*child), paths.ancestor(*child, 1)), (2, *parent));
        }
        let before = paths.len();
        for (_, _, child) in &made {
            paths.release(*child);
        }
        assert_eq!(paths.child(Paths::ROOT, b"p1"), None);
        assert_eq!(paths.used, 0);
        for number in 0..500 {
            let again = paths.make(Paths::ROOT, &format!("n{number}"));
            paths.keep(again);
        }
        assert_eq!(paths.len(), before, "places are used again");
    }
}
