//! Figures as people read them.

use std::time::Duration;

/// `412 B`, `6.1 kB`, `38.2 MB`: three figures at most, decimal as on data plans.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 would be shown as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// `4,812`
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 flow`, `4,812 flows`
pub(crate) fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(number))
}

/// `4 ms`, `0.12 s`, `41.2 s`, `2 m 06 s`, `1 h 02 m`, `3 d 04 h`
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.is_zero() => "no time".to_owned(),
        0 if duration < Duration::from_millis(1) => "less than 1 ms".to_owned(),
        0 if duration < Duration::from_millis(100) => format!("{} ms", duration.as_millis()),
        0..10 => format!("{:.2} s", duration.as_secs_f64()),
        10..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", count(seconds / 86_400), seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, count, counted, duration};

    #[test]
    fn bytes_have_three_figures_at_most() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (6_100, "6.1 kB"),
            (99_949, "99.9 kB"),
            (99_960, "100 kB"),
            (999_600, "1.0 MB"),
            (38_200_000, "38.2 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (number, shown) in cases {
            assert_eq!(bytes(number), shown);
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(4812), "4,812");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "flow"), "1 flow");
        assert_eq!(counted(2, "flow"), "2 flows");
    }

    #[test]
    fn durations_are_short() {
        let cases =
            [(0, "no time"), (12, "12 ms"), (120, "0.12 s"), (41_200, "41.2 s"), (126_000, "2 m 06 s")];
        for (millis, shown) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), shown);
        }
        assert_eq!(duration(Duration::from_secs(3725)), "1 h 02 m");
        assert_eq!(duration(Duration::from_secs(3 * 86_400 + 4 * 3600)), "3 d 04 h");
    }
}
