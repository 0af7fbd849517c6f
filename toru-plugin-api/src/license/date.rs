//! Days of the Gregorian calendar, by UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// A day, by UTC, from the year 1 to 9999. Written as `2027-12-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day, if there is one.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year == 0 || year > 9999 || day == 0 || day > days_of(year, month) {
            return None;
        }
        Some(Self { year, month, day })
    }

    /// Reads `2027-12-31`, and no other spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
            return None;
        };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u16, |number, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + u16::from(digit - b'0'))
            })
        };
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        Self::new(
            number(&[y1, y2, y3, y4])?,
            u8::try_from(month).ok()?,
            u8::try_from(day).ok()?,
        )
    }

    /// The day of a moment; `None` beyond the years that there are.
    #[must_use]
    pub fn of(time: SystemTime) -> Option<Self> {
        // The first of March comes first in the year of this reckoning, so that a leap day is its last one.
        let days = seconds(time).div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(
            year.try_into().ok()?,
            month.try_into().ok()?,
            day.try_into().ok()?,
        )
    }

    /// Its first moment.
    ///
    /// # Panics
    ///
    /// On systems that do not know so many years; those in use do.
    #[must_use]
    pub fn start(self) -> SystemTime {
        let seconds = self.first_second();
        let away = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            UNIX_EPOCH - away
        } else {
            UNIX_EPOCH + away
        }
    }

    /// Its first second, counted from 1970.
    pub(super) fn first_second(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let month = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * month + 2) / 5 + day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468;
        days * DAY
    }

    /// The first second of the next day.
    pub(super) fn end(self) -> i64 {
        self.first_second() + DAY
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Seconds since 1970, rounded down.
pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    }
}

const fn days_of(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{DAY, Date};

    #[test]
    fn impossible_days_and_other_spellings_are_none() {
        for text in [
            "2026-02-30",
            "2026-2-03",
            "2026-02-3",
            "0000-01-01",
            "+026-01-01",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-04-31",
            "1900-02-29",
            "2025-02-29",
            "2026-01-01T",
            "never",
            "",
            "２026-1-1",
            "2026/01/01",
            "20260-1-01",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        for text in [
            "2000-02-29",
            "2024-02-29",
            "0001-01-01",
            "9999-12-31",
            "2026-06-30",
        ] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn one_day_follows_the_other_through_all_years() {
        let first = Date::new(1, 1, 1).unwrap();
        let mut start = first.first_second();
        let mut count = 0_u32;
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(date) = Date::new(year, month, day) else {
                        continue;
                    };
                    assert_eq!(date.first_second(), start, "{date}");
                    start += DAY;
                    count += 1;
                }
            }
        }
        assert_eq!(count, 3_652_059);
        assert_eq!(Date::new(1970, 1, 1).unwrap().first_second(), 0);
    }

    #[test]
    fn a_day_has_all_its_seconds() {
        for text in [
            "1970-01-01",
            "1999-12-31",
            "2000-02-29",
            "2026-11-25",
            "9999-12-31",
        ] {
            let date = Date::parse(text).unwrap();
            let start = date.start();
            let last = UNIX_EPOCH + Duration::from_secs((date.end() - 1).try_into().unwrap());
            assert_eq!((Date::of(start), Date::of(last)), (Some(date), Some(date)));
            assert_ne!(Date::of(last + Duration::from_secs(1)), Some(date));
        }
        let before = UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(Date::of(before), Date::new(1969, 12, 31));
    }
}
