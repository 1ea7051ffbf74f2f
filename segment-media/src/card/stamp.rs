//! Time and number as black and white fields along the lower edge, for programs to read.

use crate::Picture;
use crate::picture::Rgb;

const BITS: usize = 112;
/// In a picture of 640x360 a field is a block of a JPEG, so that it costs nearly nothing.
const ROWS: usize = 3;
const COLUMNS: usize = 40;
/// The picture is so many stamp rows high.
const PARTS: usize = 45;
const BLACK: Rgb = [16; 3];
const WHITE: Rgb = [235; 3];

/// What a card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// When it was drawn, in microseconds since 1970 (UTC).
    pub timestamp_us: u64,
    /// The number of the frame.
    pub number: u32,
}

impl Stamp {
    /// Read from a picture of a card, whatever its size and codec were on the way; none if it cannot be read.
    #[must_use]
    pub fn read(picture: &Picture) -> Option<Self> {
        let bits = (0..BITS).fold(0, |bits, at| bits << 1 | u128::from(is_white(picture, at)));
        let stamp = Self { timestamp_us: (bits >> 48) as u64, number: (bits >> 16) as u32 };
        (stamp.bits() == bits).then_some(stamp)
    }

    pub(super) fn draw(self, before: Option<Self>, picture: &mut Picture) {
        let bits = self.bits();
        let changed = before.map_or(u128::MAX, |before| before.bits() ^ bits);
        for at in (0..BITS).filter(|at| bit(changed, *at)) {
            let (x, y, width, height) = field(picture, at);
            picture.fill(x, y, width, height, if bit(bits, at) { WHITE } else { BLACK });
        }
    }

    fn bits(self) -> u128 {
        u128::from(self.timestamp_us) << 48 | u128::from(self.number) << 16 | u128::from(self.sum())
    }

    /// Not zero for an all-black edge.
    fn sum(self) -> u16 {
        let parts = (0..4).map(|part| (self.timestamp_us >> (16 * part)) as u16);
        let parts = parts.chain([self.number as u16, (self.number >> 16) as u16]);
        parts.fold(0x5e67, |sum: u16, part| sum.rotate_left(3) ^ part)
    }
}

fn bit(bits: u128, at: usize) -> bool {
    bits >> (BITS - 1 - at) & 1 == 1
}

fn field(picture: &Picture, at: usize) -> (usize, usize, usize, usize) {
    let (row, column) = (at / COLUMNS + PARTS - ROWS, at % COLUMNS);
    let (x, y) = (column * picture.width() / COLUMNS, row * picture.height() / PARTS);
    let (right, below) = ((column + 1) * picture.width() / COLUMNS, (row + 1) * picture.height() / PARTS);
    (x, y, right - x, below - y)
}

/// By the middle of its field: the edges are blurred.
fn is_white(picture: &Picture, at: usize) -> bool {
    let (x, y, width, height) = field(picture, at);
    let [_, green, _] = picture.mean(x + width / 4, y + height / 4, (width / 2).max(1), (height / 2).max(1));
    green > 125
}
