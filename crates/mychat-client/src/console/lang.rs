//! The languages of the user interface.

/// A language of the user interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lang {
    #[default]
    En,
    Es,
}

impl Lang {
    /// Returns the language of a locale such as `es_CO.UTF-8` or `es`.
    pub(crate) fn from_locale(locale: &str) -> Self {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("es") { Self::Es } else { Self::En }
    }

    /// Returns the language of the environment. The variables are in the order that POSIX defines.
    pub(crate) fn from_env() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()))
            .map_or_else(Self::default, |locale| Self::from_locale(&locale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_choose_the_language() {
        for (locale, lang) in [("es_CO.UTF-8", Lang::Es), ("es", Lang::Es), ("C", Lang::En), ("est_EE", Lang::En)] {
            assert_eq!(Lang::from_locale(locale), lang, "{locale}");
        }
    }
}
