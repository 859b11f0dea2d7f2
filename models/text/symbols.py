"""What signs, units and abbreviations are called in speech. Tables only."""

# sign: (name, hundredth)
CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen"),
              "₹": ("rupee", "paisa")}  # fmt: skip

# Said after a number only: "5 m" is a distance, "m" alone is a letter.
UNITS = {
    "%": "percent", "°C": "degree Celsius", "°F": "degree Fahrenheit", "° C": "degree Celsius",
    "° F": "degree Fahrenheit", "ºC": "degree Celsius", "ºF": "degree Fahrenheit", "°": "degree",
    "km/h": "kilometer per hour", "kph": "kilometer per hour", "mph": "mile per hour", "m/s": "meter per second",
    "mm": "millimeter", "cm": "centimeter", "km": "kilometer", "m": "meter", "ft": "foot", "mi": "mile",
    "cm²": "square centimeter", "m²": "square meter", "km²": "square kilometer", "cm³": "cubic centimeter",
    "m³": "cubic meter", "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ml": "milliliter", "mL": "milliliter", "L": "liter", "l": "liter", "s": "second", "sec": "second",
    "ms": "millisecond",
    "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour", "yrs": "year", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "kB": "kilobyte", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz",
    "GHz": "gigahertz", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt hour", "V": "volt",
    "J": "joule", "N": "newton", "Pa": "pascal", "kPa": "kilopascal", "mol": "mole", "tsp": "teaspoon",
    "tbsp": "tablespoon", "Mbps": "megabit per second", "USD": "US dollar", "EUR": "euro",
}  # fmt: skip

# (pattern, what is said)
ABBREVIATIONS = (
    (r"\be\.\s?g\.?,?(?=\s|\))", "for example"), (r"\bi\.\s?e\.?,?(?=\s|\))", "that is"),
    (r"\betc\.(?=\s+[A-Z]|\s*$)", "et cetera."),
    (r"\betc\b\.?", "et cetera"), (r"\b(?:vs|v\.s)\b\.?", "versus"), (r"\bapprox\.", "approximately"),
    (r"\bw/o\b", "without"), (r"\bw/ ?(?=\w)", "with "), (r"\bNo\.(?= ?\d)", "number"), (r"#(?=\d)", " number "),
    (r"\band/or\b", "and or"), (r"\ba\.k\.a\.?", "also known as"), (r"\bet al\.", "and others"),
    (r"\bfig\.(?= ?\d)", "figure"), (r"\bp\.(?= ?\d)", "page "), (r"\bpp\.(?= ?\d)", "pages "),
    (r"\bWW(?=I{1,2}\b)", "World War "), (r"\bVol\.(?= ?[IVX\d])", "Volume"),
    (r"\bC\+\+(?!\w)", "C plus plus"), (r"\bC#(?!\w)", "C sharp"), (r"\b([A-Z])\.([A-Z])\.(?=\s?[^\W\d_])", r"\1\2"),
)  # fmt: skip

# Applied in this order, after everything that needs to see digits. What is left over is not said at all.
SIGNS = (
    (r"(?<=[A-Z])&(?=[A-Z])", " and "), (r"&", " and "), (r"@", " at "), (r"%", " percent "), (r"\+", " plus "),
    (r"²|\^2\b", " squared "), (r"³|\^3\b", " cubed "), (r"\^", " to the power of "), (r"√", " the square root of "),
    (r"<=|≤", " is at most "), (r">=|≥", " is at least "), (r"!=|≠", " is not equal to "), (r"≈", " is about "),
    (r"[-=]+>|→", " to "), (r"==?", " equals "), (r"<(?=\s?\d)", " is less than "),
    (r">(?=\s?\d)", " is greater than "),
    (r"(?<=\d)\s?\*\s?(?=\d)|(?<=\w)\s\*\s(?=\w)|×", " times "),
    (r"÷|(?<=\d)\s?/\s?(?=\d)", " divided by "), (r"π", " pi "),
    (r"(?<=\d)\s+-\s+(?=\d)", " minus "), (r"°", " degrees "), (r"\$", " dollars "), (r"€", " euros "),
    (r"£", " pounds "),
    (r"©|®|™", " "), (r"#(?=\w)", " hashtag "), (r"(?<=\w)\s?/\s?(?=\w)", " or "), (r"[_|~*\\/<>\[\](){}#=\"]+", ", "),
    (r"[^\w\s.,?!':;-]", " "),
)  # fmt: skip
