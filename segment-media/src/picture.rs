//! A picture in memory.

/// The longest side of a picture in pixels. Policy: the source is refused, a larger JPEG is not decoded.
pub const SIDE_MAX: usize = 4_096;

/// Red, green and blue, a byte each, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Red, green, blue.
pub type Rgb = [u8; 3];

impl Picture {
    /// A black one. Sides are cut to 4,096 pixels.
    #[must_use]
    pub fn black(width: usize, height: usize) -> Self {
        let (width, height) = (width.clamp(1, SIDE_MAX), height.clamp(1, SIDE_MAX));
        Self { width, height, pixels: vec![0; width * height * 3] }
    }

    /// One of these pixels, if they are as many as the sides say.
    #[must_use]
    pub fn from_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let fits = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        (fits && pixels.len() == width * height * 3).then_some(Self { width, height, pixels })
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All of it.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// One pixel; black outside.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        let at = (y * self.width + x) * 3;
        match self.pixels.get(at..at + 3) {
            Some(&[red, green, blue]) if x < self.width => [red, green, blue],
            _ => [0; 3],
        }
    }

    /// Fills a rectangle, as far as it is inside.
    pub fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        let (from, to) = (x.min(self.width), (x + width).min(self.width));
        for row in y.min(self.height)..(y + height).min(self.height) {
            let line = &mut self.pixels[(row * self.width + from) * 3..(row * self.width + to) * 3];
            line.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&colour));
        }
    }

    /// The mean colour of a rectangle that lies inside and is not empty.
    #[must_use]
    pub fn mean(&self, x: usize, y: usize, width: usize, height: usize) -> Rgb {
        let (mut sum, mut count) = ([0_u32; 3], 0);
        for row in y..(y + height).min(self.height) {
            let from = row * self.width;
            let line = &self.pixels[(from + x.min(self.width)) * 3..(from + (x + width).min(self.width)) * 3];
            for pixel in line.chunks_exact(3) {
                sum.iter_mut().zip(pixel).for_each(|(sum, part)| *sum += u32::from(*part));
                count += 1;
            }
        }
        sum.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX))
    }

    /// The same in another size, each pixel the mean of those that it stands for.
    #[must_use]
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        let mut scaled = Self::black(width, height);
        let columns: Vec<_> = (0..scaled.width).map(|x| span(x, scaled.width, self.width)).collect();
        let mut pixels = scaled.pixels.chunks_exact_mut(3);
        for y in 0..scaled.height {
            let (top, rows) = span(y, scaled.height, self.height);
            for ((left, wide), pixel) in columns.iter().zip(&mut pixels) {
                pixel.copy_from_slice(&self.mean(*left, top, *wide, rows));
            }
        }
        scaled
    }
}

/// Where one of `of` equal parts of a length begins, and how long it is; at least one.
fn span(part: usize, of: usize, length: usize) -> (usize, usize) {
    let (from, to) = (part * length / of, (part + 1) * length / of);
    (from, (to - from).max(1))
}
