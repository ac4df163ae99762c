//! The Merkle tree of RFC 6962, section 2.1, kept as its right edge: enough to add leaves and to compute the root.

use aws_lc_rs::digest::{Context, SHA256};

use crate::hex::{self, Hex};

/// A SHA-256 digest.
pub(super) type Hash = [u8; 32];

/// What stands in the place of the leaf before the first.
pub(super) const NOTHING: Hash = [0; 32];

/// `SHA-256(0x00 || data)`.
pub(super) fn leaf(data: &[u8]) -> Hash {
    digest(&[&[0x00], data])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    digest(&[&[0x01], left, right])
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 octets")
}

/// The roots of the complete subtrees of a tree, from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// Number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf on the right.
    pub(super) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut below = self.size;
        while below & 1 == 1 {
            let left = self.roots.pop().expect("one root for each bit of the size");
            hash = node(&left, &hash);
            below >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root; of an empty tree `SHA-256()`.
    pub(super) fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => digest(&[]),
            Some(last) => roots.fold(*last, |right, left| node(left, &right)),
        }
    }

    /// The edge as text, to go on from later.
    pub(super) fn to_text(&self) -> String {
        let roots: String = self.roots.iter().map(|root| format!("{}\n", Hex(root))).collect();
        format!("{}\n{roots}", self.size)
    }

    /// Reads what `to_text` wrote. It is believed only once its root was compared with a signed one.
    pub(super) fn from_text(text: &str) -> Option<Edge> {
        let mut lines = text.lines();
        let size: u64 = lines.next()?.parse().ok()?;
        let root = |line: &str| {
            let mut root = NOTHING;
            hex::read(line, &mut root).then_some(root)
        };
        let roots = lines.map(root).collect::<Option<Vec<Hash>>>()?;
        (roots.len() == size.count_ones() as usize).then_some(Edge { size, roots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and roots that the reference implementation of RFC 6962 tests with.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut edge = Edge::default();
        assert_eq!(Hex(&edge.root()).to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let roots: Vec<String> = leaves
            .iter()
            .map(|data| {
                edge.push(leaf(data));
                Hex(&edge.root()).to_string()
            })
            .collect();
        assert_eq!(roots[0], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(roots[1], "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        assert_eq!(roots[4], "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4");
        assert_eq!(roots[7], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn an_edge_goes_on_from_its_text() {
        let mut edge = Edge::default();
        for number in 0..11u8 {
            edge.push(leaf(&[number]));
            let mut read = Edge::from_text(&edge.to_text()).unwrap();
            assert_eq!(read, edge);
            read.push(leaf(b"next"));
            assert_eq!(read.size(), u64::from(number) + 2);
        }
        assert_eq!(Edge::from_text("3\nabc\n"), None);
        assert_eq!(Edge::from_text(""), None);
    }
}
