//! Columns that align, whatever alphabet stands in them.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns are cut to no less than this.
const NARROWEST: usize = 8;
const GAP: usize = 2;
const INDENT: usize = 2;

/// How a column is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    label: &'static str,
    right: bool,
    /// How much of the room it is worth where a terminal is too narrow for all; 0 is never cut.
    weight: usize,
}

impl Column {
    pub(crate) const fn text(label: &'static str) -> Self {
        Self { label, right: false, weight: 1 }
    }

    pub(crate) const fn weighing(mut self, weight: usize) -> Self {
        self.weight = weight;
        self
    }

    /// Text that is never cut.
    pub(crate) const fn fixed(label: &'static str) -> Self {
        Self { label, right: false, weight: 0 }
    }

    pub(crate) const fn figure(label: &'static str) -> Self {
        Self { label, right: true, weight: 0 }
    }
}

/// What stands in one place of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// Rows under a title, which stands over the first columns in the line of the labels.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    title: String,
    columns: [Column; N],
    /// Labels that are not known beforehand.
    labels: [String; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(title: &str, columns: [Column; N]) -> Self {
        Self {
            title: title.to_owned(),
            columns,
            labels: columns.map(|column| column.label.to_owned()),
            rows: Vec::new(),
        }
    }

    pub(crate) fn label(&mut self, column: usize, label: String) {
        if let Some(old) = self.labels.get_mut(column) {
            *old = label;
        }
    }

    pub(crate) fn row(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// Appends the table, no wider than `width` if that can be.
    pub(crate) fn write(&self, width: usize, heading: Style, out: &mut String) {
        let widths = self.widths(width);
        self.write_head(&widths, heading, out);
        for row in &self.rows {
            let mut line = Line::new(out);
            for ((cell, column), width) in row.iter().zip(&self.columns).zip(widths) {
                let text = cut(&cell.text, width);
                let room = width.saturating_sub(text.width());
                line.space(if column.right { room } else { 0 });
                line.text(&text, cell.style);
                line.space(if column.right { 0 } else { room });
                line.space(if width > 0 { GAP } else { 0 });
            }
            line.end();
        }
    }

    /// The title from the left, labels over their columns; a label that the title covers is left out.
    fn write_head(&self, widths: &[usize; N], heading: Style, out: &mut String) {
        let mut line = Line::new(out);
        line.indented = true;
        line.text(&self.title, heading);
        let mut written = self.title.width();
        let mut start = INDENT;
        for ((label, column), width) in self.labels.iter().zip(&self.columns).zip(widths) {
            let at = if column.right { start + width.saturating_sub(label.width()) } else { start };
            if !label.is_empty() && at > written {
                line.space(at - written);
                line.text(label, Style::new());
                written = at + label.width();
            }
            start += width + if *width > 0 { GAP } else { 0 };
        }
        line.end();
    }

    /// As wide as what stands in them and their labels; where that is too much, those that may be cut give way.
    fn widths(&self, width: usize) -> [usize; N] {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        // A label on the left may reach over the columns behind it, if there are any.
        let last = widths.iter().rposition(|width| *width > 0);
        for (at, width) in widths.iter_mut().enumerate() {
            if *width > 0 && (self.columns[at].right || Some(at) == last) {
                *width = (*width).max(self.labels[at].width());
            }
        }
        loop {
            let used = widths.iter().filter(|width| **width > 0).count();
            let needed = INDENT + widths.iter().sum::<usize>() + GAP * used.saturating_sub(1);
            let greediest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| column.weight > 0 && **width > NARROWEST)
                .max_by_key(|(width, column)| **width * 100 / column.weight);
            match greediest {
                Some((greediest, _)) if needed > width => *greediest -= 1,
                _ => return widths,
            }
        }
    }
}

/// A line that never ends in spaces.
struct Line<'a> {
    out: &'a mut String,
    pending: usize,
    indented: bool,
}

impl<'a> Line<'a> {
    const fn new(out: &'a mut String) -> Self {
        Self { out, pending: 0, indented: false }
    }

    const fn space(&mut self, count: usize) {
        self.pending += count;
    }

    fn text(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        if !self.indented {
            self.pending += INDENT;
            self.indented = true;
        }
        self.out.extend(std::iter::repeat_n(' ', self.pending));
        self.pending = 0;
        self.out.push_str(&format!("{style}{text}{style:#}"));
    }

    fn end(self) {
        self.out.push('\n');
    }
}

/// At most `width` columns of text, with `…` where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        shown.push(c);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use anstyle::Style;
    use unicode_width::UnicodeWidthStr;

    use super::{Column, Table, cut};

    fn table() -> Table<3> {
        let mut table = Table::new("Who", [Column::fixed(""), Column::text(""), Column::figure("flows")]);
        table.row(["tls".into(), "例え.example".into(), "12".into()]);
        table.row(["unknown".into(), "a".into(), "3".into()]);
        table
    }

    #[test]
    fn columns_align_with_wide_characters_in_them() {
        let mut out = String::new();
        table().write(100, Style::new(), &mut out);
        assert_eq!(
            out,
            "Who                      flows\n  tls      例え.example     12\n  unknown  a                 3\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_what_may_be_cut() {
        let mut out = String::new();
        table().write(26, Style::new(), &mut out);
        assert!(out.contains('…'), "{out}");
        assert!(out.lines().all(|line| line.width() <= 26), "{out}");
    }

    #[test]
    fn a_cut_text_fits() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("例例例", 4), "例…");
    }
}
