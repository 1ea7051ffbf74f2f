//! Where a picture stands in a window.

/// Where nothing is known: twice as high as wide.
const CELL: (u16, u16) = (8, 16);
/// Neither a terminal nor a bug may ask for more.
const CELLS_MAX: u16 = 500;

/// A window in characters, and a character in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    columns: u16,
    rows: u16,
    cell: (u16, u16),
}

impl Window {
    /// Of a size that a terminal has given.
    #[must_use]
    pub fn new(columns: u16, rows: u16, cell: Option<(u16, u16)>) -> Self {
        Self { columns: columns.clamp(1, CELLS_MAX), rows: rows.clamp(1, CELLS_MAX), cell: cell.unwrap_or(CELL) }
    }

    /// Characters in a row.
    #[must_use]
    pub fn columns(&self) -> u16 {
        self.columns
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> u16 {
        self.rows
    }

    /// Pixels of a character: columns, rows.
    #[must_use]
    pub fn cell(&self) -> (u16, u16) {
        self.cell
    }
}

/// A part of a window, in characters, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// To the right.
    pub left: u16,
    /// Down.
    pub top: u16,
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// The largest area above the last row, in the middle, that has the picture's shape.
#[must_use]
pub fn fit(window: &Window, width: usize, height: usize) -> Area {
    let (cell_width, cell_height) = (usize::from(window.cell.0), usize::from(window.cell.1));
    let (columns_max, rows_max) = (usize::from(window.columns), usize::from(window.rows.max(2) - 1));
    let (width, height) = (width.max(1), height.max(1));
    let wide = columns_max * cell_width * height <= rows_max * cell_height * width;
    let (columns, rows) = match wide {
        true => (columns_max, (columns_max * cell_width * height).div_ceil(width * cell_height)),
        false => ((rows_max * cell_height * width).div_ceil(height * cell_width), rows_max),
    };
    let (columns, rows) = (columns.clamp(1, columns_max), rows.clamp(1, rows_max));
    let small = |length: usize| u16::try_from(length).unwrap_or(CELLS_MAX);
    Area {
        left: small((columns_max - columns) / 2),
        top: small((rows_max - rows) / 2),
        columns: small(columns),
        rows: small(rows),
    }
}
