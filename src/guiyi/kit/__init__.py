"""Pure helpers without input or output: texts, errors, time, ids, money."""
