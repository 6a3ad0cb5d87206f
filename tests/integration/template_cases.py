"""Snippets that cover each operator, filter, test, method and statement with ordinary and odd
arguments, and random compositions of them (seeded, so that a difference can be found again)."""
import itertools
import random

VARS = {
    "none": None, "t": True, "f": False, "zero": 0, "one": 1, "n": -7, "big": 1 << 40, "x": 2.5,
    "y": -0.5, "huge": 1e22, "s": "Hello, World", "e": "", "sp": "  a  b\tc \n", "u": "Grüße 日本 👩‍👩 ß ŉ",
    "num": " 42 ", "fl": "4.5e2", "hex": "0x1F", "html": "<a href=\"x\">&amp; 'y'</a>", "ml": "one\ntwo\r\n\nthree\n",
    "up": "ABC", "low": "abc", "title": "a-b (c) d'e [f]", "l": [3, 1, 2], "ls": ["b", "A", "a", "B"],
    "le": [], "ll": [[1, 2], [3]], "mixed": [1, "a", None, 2.0, True, [1], {"k": 1}],
    "d": {"b": 1, "a": 2, "C": 3}, "de": {}, "dd": {"x": {"y": {"z": [10, 20]}}, "items": 5, "1": "one"},
    "rows": [{"name": "b", "age": 3, "in": {"v": 1}}, {"name": "A", "age": 1, "in": {"v": 2}},
             {"name": "a", "age": 3}, {"name": "c", "age": None}],
    "people": [{"name": "Bo", "city": "ca", "n": 1}, {"name": "Al", "city": "NY", "n": 2},
               {"name": "Cy", "city": "CA", "n": 3}],
}
VALUES = [k for k in VARS] + ["missing", "(1, 'a')", "()", "range(5)", "range(5, 0, -2)", "d.items()",
                             "d.keys()", "d.values()", "'<b>'|safe", "namespace(a=1)", "(l|map('abs'))"]

FILTERS = {
    "abs": [""], "attr": ["('name')", "('upper')", "('a')"], "batch": ["(2)|list", "(2, 'x')|list", "(0)|list", "(linecount=2)|list"],
    "capitalize": [""], "center": ["(20)", "(7)", "(width=3)", ""], "count": [""], "d": ["('q')", "('q', true)", ""],
    "default": ["('q')", "('q', true)", "(boolean=true)", "(default_value=[1])"],
    "dictsort": ["", "(true)", "(false, 'value')", "(reverse=true)", "(by='nope')"], "e": [""], "escape": [""],
    "filesizeformat": ["", "(true)"], "first": [""], "float": ["", "(1.5)", "(default='q')"], "forceescape": [""],
    "format": ["", "(1)", "(1, 2)", "(a=1)"],
    "groupby": ["('name')", "('age', default=0)", "('city')", "('city', case_sensitive=true)"],
    "indent": ["", "(2)", "(2, true)", "('> ', true, true)", "(width=1, blank=true)"],
    "int": ["", "(5)", "(default=-1, base=16)", "(0, 0)", "(base=8)"], "items": ["|list"],
    "join": ["", "(', ')", "('-', attribute='name')", "(1)", "(d='<')"], "last": [""], "length": [""], "list": ["", "|length"],
    "lower": [""], "map": ["('upper')|list", "(attribute='name')|list", "(attribute='in.v', default='?')|list",
                           "('default', 'x')|join(',')", "|list", "('nope')|list", "('int', default=9)|list", "(attribute=0)|list",
                           "('join', '+')|list", "('string')|join('|')"],
    "max": ["", "(attribute='age')", "(case_sensitive=true)"], "min": ["", "(attribute='name')", "(true)"],
    "reject": ["|list", "('odd')|list", "('in', [1, 'a'])|list", "('none')|list"],
    "rejectattr": ["('age')|list", "('age', 'none')|list", "('name', 'eq', 'a')|list", "|list"],
    "replace": ["('l', 'L')", "('', '-')", "('l', 'L', 1)", "('a', '')", "(1, 2)", "('<', '&')", "(old='o', new='0', count=none)"],
    "reverse": ["|list", "|join(',')"], "round": ["", "(1)", "(0, 'floor')", "(1, 'ceil')", "(-1)", "(2, 'nope')", "(method='ceil')"],
    "safe": [""], "select": ["|list", "('string')|list", "('divisibleby', 2)|list", "('gt', 1)|list", "('>', 1)|list", "('nope')|list"],
    "selectattr": ["('age')|list", "('age', 'defined')|list", "('in.v', 'eq', 2)|list", "('name', 'in', ['a', 'b'])|map(attribute='age')|list"],
    "slice": ["(2)|list", "(3, 'x')|list", "(0)|list", "(slices=4)|list"],
    "sort": ["", "(true)", "(case_sensitive=true)", "(attribute='name')", "(attribute='name,age')", "(attribute='age')", "(reverse=true, attribute='in.v')"],
    "string": [""], "striptags": [""], "sum": ["", "(attribute='age')", "(start=10)", "(start=[])", "('n')"],
    "title": [""], "tojson": ["", "(indent=2)", "(ensure_ascii=true)", "(indent=4, sort_keys=true)", "(separators=(',', ':'))", "(indent='\\t')", "(indent=0)", "(true)"],
    "trim": ["", "('a')", "('Helo d')", "(chars=none)"], "truncate": ["", "(5)", "(5, true)", "(6, false, '..', 0)", "(2)", "(9, end='')", "(length=8, leeway=0)"],
    "unique": ["|list", "(true)|list", "(attribute='age')|list"], "upper": [""], "urlencode": [""], "wordcount": [""],
    "xmlattr": ["", "(false)"], "nope": [""],
}
TESTS = ["boolean", "callable", "defined", "divisibleby 2", "divisibleby(0)", "eq 1", "equalto('abc')", "escaped", "even", "false", "filter",
         "float", "ge 1", "greaterthan 1", "gt(0)", "in [1, 'abc', none]", "in s", "integer", "iterable", "le 1", "lessthan(2)", "lower",
         "lt 3", "mapping", "ne 1", "none", "number", "odd", "sameas none", "sameas(true)", "sequence", "string", "test", "true",
         "undefined", "upper", "nope", "eq missing", "not none", "not in l"]
METHODS = {
    "strip": ["()", "('Hd')", "(none)", "(1)", "('')"], "lstrip": ["()", "('H ')"], "rstrip": ["()", "('d\\n')"],
    "split": ["()", "(',')", "(' ', 1)", "(none, 1)", "('')", "(sep='l', maxsplit=2)", "('\\n')", "(maxsplit=0)"],
    "rsplit": ["()", "(',')", "('l', 1)", "(none, 1)"], "splitlines": ["()", "(true)", "(keepends=true)"],
    "startswith": ["('H')", "(('x', 'H'))", "('l', 2)", "('', 99)", "(1)", "('e', 1, 2)", "(())"], "endswith": ["('d')", "(('d', '\\n'))", "('o', 0, 5)", "('')"],
    "replace": ["('l', 'L')", "('l', '', 1)", "('', '.')", "('', '.', 2)", "('a')"], "upper": ["()", "(1)"], "lower": ["()"], "title": ["()"],
    "capitalize": ["()"], "swapcase": ["()"], "casefold": ["()"], "find": ["('o')", "('o', 5)", "('zz')", "('')", "('o', -4)", "('', 50)"],
    "rfind": ["('o')", "('l', 0, 4)", "('')"], "index": ["('o')", "('zz')"], "rindex": ["('l')"], "count": ["('l')", "('')", "('l', 3)"],
    "join": ["(['a', 'b'])", "([1])", "('xyz')", "(d)", "(1)"], "isdigit": ["()"], "isalpha": ["()"], "isspace": ["()"], "isnumeric": ["()"],
    "isalnum": ["()"], "isupper": ["()"], "islower": ["()"], "istitle": ["()"], "isdecimal": ["()"], "isascii": ["()"], "isprintable": ["()"],
    "removeprefix": ["('He')", "('x')"], "removesuffix": ["('ld')", "('')"], "zfill": ["(5)", "(20)"], "center": ["(20)", "(21, '*')", "(21, 'ab')"],
    "ljust": ["(20, '.')", "(3)"], "rjust": ["(20)", "('a')"], "partition": ["(',')", "('zz')", "('')"], "rpartition": ["('l')", "('zz')"],
    "expandtabs": ["()", "(4)"], "format": ["()", "(1)"], "nope": ["()", ""],
}
FORMATS = [
    "'%s' % s", "'%s' % l", "'%s %s' % (1, 2)", "'%d' % x", "'%5d|%-5d|%05d|%+d|% d' % (1, 2, 3, 4, 5)", "'%x %X %o %#x' % (255, 255, 8, 255)",
    "'%.2f %e %g %G' % (x, x, 1e10, 1e-7)", "'%5.1f|%-8.3f|' % (x, y)", "'%r %s' % (s, s)", "'%c%c' % (65, 'z')", "'%%' % ()", "'%(a)s %(b)d' % d",
    "'%(nope)s' % d", "'%s' % (1, 2)", "'%s %s' % 1", "'%d' % 'a'", "'%q' % 1", "'%' % 1", "'%.3s|%10s|%-10s|' % (s, s, low)", "'%*d' % (5, 1)",
    "'%s' % none", "'%s' % missing", "'%d' % missing", "'x' % d", "'x' % l", "'x' % s", "'x' % ()", "'%f' % huge", "'%i %u' % (t, 2.9)", "'%05.1f' % -2.25", "'%x' % x",
    "'{}'.format(s)", "'{} {}'.format(1, 2)", "'{1} {0}'.format(1, 2)", "'{a} {b}'.format(a=1, b='x')", "'{} {0}'.format(1)", "'{:>8}|{:<8}|{:^8}|'.format('a', 'b', 'c')",
    "'{:*^9}'.format('abcd')", "'{:05d} {:+} {:x} {:#b} {:,}'.format(42, 7, 255, 5, 1234567)", "'{:.2f} {:.3e} {:.1%} {:g}'.format(x, x, x, x)", "'{!r} {!s}'.format(s, s)",
    "'{0.name} {0[age]}'.format(rows[0])", "'{[0]}'.format(l)", "'{{}} {}'.format(1)", "'{'.format(1)", "'}'.format(1)", "'{:{}}|'.format(1, 5)", "'{:{w}.{p}f}|'.format(x, w=8, p=2)",
    "'{nope}'.format(a=1)", "'{}'.format()", "'{:d}'.format('a')", "'{:s}'.format(1)", "'{:>5}'.format(l)", "'{}'.format(l)", "'{:.3}'.format(s)", "'{:.3}'.format(3.14159)", "'{:8.3}|'.format(1e10)",
    "'{:05}|{:<05}|{:=+6}'.format(-3, 3, 3)", "'{:,.2f} {:_}'.format(1234567.891, 1234567)", "'{:n}'.format(5)", "'{:%}'.format(1)", "'{:}'.format(t)", "'{:d}'.format(t)", "'{:5}|'.format(none)", "'{:.0f} {:.1f}'.format(0.5, 0.25)",
    "'{0.__class__}'.format(1)", "'{0.real}'.format(5)", "'{:^7}|{:^6}'.format('ab', 'abc')",
]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
EXPRESSIONS = [
    "1 + 2 * 3 - 4 / 5", "2 ** 3 ** 2", "-2 ** 2", "-1|abs", "(-1)|abs", "+t", "-t", "-s", "not 1", "not not e", "1 if t", "1 if f", "1 if f else 2 if f else 3", "(1 if f).x",
    "1 < 2 < 3", "1 < 3 < 2", "1 == 1.0 == true", "'a' < 'b' <= 'b'", "[1, 2] < [1, 3]", "(1,) + (2,)", "[1] + (2,)", "1 in [1] in [[1]]", "'a' ~ 1 ~ none ~ [1] ~ x", "1 ~ 2 + 3", "'a' 'b' \"c\"",
    "0x1f + 0b101 + 0o17 + 1_000", "1e3", "1.5e-7", "1_0.0_1", "1.", "1.real", "x.real", "5 .real", "0.1 + 0.2", "1e16", "123456789012345680.0", "1e-5", "0.0001", "-0.0", "1e400", "3.0", "2.5 // 1", "-7 // 2", "-7 % 3", "7 % -3", "-7.5 % 2", "7.5 // -2", "0 ** 0", "2 ** -1", "2 ** 0.5",
    "10 ** 18", "10 ** 18 * 9", "9223372036854775807", "9223372036854775807 - 1", "-9223372036854775807", "1 / 3", "big / 3", "big ** 1.5", "10 / 0", "10 // 0", "10 % 0", "1.0 / 0", "1.0 // 0", "1.0 % 0",
    "t + t", "t * 3", "t / 2", "true == 1", "false is sameas false", "none == none", "missing == missing", "missing != none", "missing + 1", "1 + missing", "missing.x", "missing['x']", "missing()", "missing|length", "missing ~ 'x'", "-missing", "missing < 1", "missing is defined", "missing|default('q')", "missing in [1]", "1 in missing", "missing[0:1]", "[missing]", "{'a': missing}", "missing|list", "missing|upper|length", "missing|int", "missing|tojson", "missing|string", "missing|join", "missing|first", "missing|sort", "not missing", "missing or 1",
    "l[0]", "l[-1]", "l[9]", "l['a']", "l[1:]", "l[:-1]", "l[::2]", "l[::-1]", "l[5:1:-1]", "l[::0]", "l[1:2:3]", "l['a':]", "l[none:none]", "l[true]", "l[1.0]", "s[0]", "s[-1]", "s[7:]", "s[::-1]", "s[2:8:2]", "s[99]", "s[99:]", "u[2]", "u[-1]", "u[3:6]", "u[::-1]", "u[::2]", "u|length", "range(5)[1]", "range(5)[1:3]", "range(10)[::-3]", "range(0)", "range(1, 3)", "range(3, 1)", "range(1, 10, 3)", "range(10, 1, -3)|list", "range(100001)", "range(1.5)", "range()", "range(1, 2, 0)", "(1, 2)[0]", "(1, 2)[0:1]", "d[1:]", "5[0]", "none[0]", "none.x", "5.x",
    "d.a", "d['a']", "d.items", "d.items()", "dd.items", "dd['items']", "dd.items()", "d.keys()|list", "d.values()|sum", "d.get('a')", "d.get('q')", "d.get('q', 5)", "d.get()", "d.get([])", "d[[]]", "d.nope", "d.nope.x", "d.copy()", "dd.x.y.z[1]", "dd.x['y'].z.0", "dd['1']", "dd[1]", "dd.1", "d.update({})", "d.pop('a')", "d.clear", "d.setdefault", "l.append(1)", "l.append", "l.sort()", "l.index(1)", "l.index(9)", "l.count(1)", "l.copy()", "(1, 2).count(1)", "(1, 2).index(3)", "(1,2).copy", "l.__class__", "s.__class__.__mro__", "s.__len__()", "d.__getitem__('a')", "d.__nope__", "s._x", "t.real", "x.is_integer()", "5.5.is_integer()", "n.bit_length()", "range(5).start", "range(5).step",
    "{'a': 1, 'b': [1, 2, {'c': none}]}", "{1: 2, 1.0: 3, true: 4}", "{(1, 2): 3}[(1, 2)]", "{[]: 1}", "{'a': 1}.a", "{'a': 1, 'a': 2}", "{}", "[]", "()", "(1,)", "[1, ]", "[1, 2, ]", "{'a': 1, }", "(1, 2, )", "[[], {}, ()]", "'\\n\\t\\\\ \\' \\\" \\x41 \\u00e9 \\U0001F600 \\101 \\q \\é'", "'\\n'|tojson", "['\\n', \"'\", '\"', '\\'\"', '\\x00\\x7f\\x85\\xad\\u200b\\u2028\\ue000\\U000e0001é']", "'a\\\nb'",
    "[1.0, 1e100, -0.0, 1e-10, 0.1]", "d|tojson", "mixed|tojson", "mixed", "dd|tojson(indent=1)", "{1: 1, none: 2, true: 3, 1.5: 4}|tojson", "{(1,): 2}|tojson", "{'b': 1, 'a': 2}|tojson(sort_keys=true)", "range(3)|tojson", "(1, 2)|tojson", "d.items()|tojson", "namespace()|tojson", "u|tojson", "u|tojson(ensure_ascii=true)", "'\\u2028</script>\\x7f\\x1f'|tojson", "huge|tojson", "[]|tojson(indent=2)", "[[], {}, [1]]|tojson(indent=2)",
    "namespace(a=1, b=2)", "namespace({'a': 1}).a", "namespace([('a', 1)]).a", "namespace().x", "dict(a=1)", "dict({'a': 1}, b=2)", "dict([(1, 2)])", "dict([1])", "dict(1)", "dict(**d)", "cycler('a', 'b').next()", "cycler()", "joiner()", "joiner('|')()", "range(3)|list|string", "lipsum is defined", "raise_exception", "raise_exception('x', 1)", "raise_exception()", "raise_exception(none)", "raise_exception(5)", "strftime_now('%Y-%m-%d %H:%M:%S %a %A %b %B %j %p %I %y %U %W %w %u %V %G %C %e %D %F %T %R %r %h %n %t %% %c %x %X %s'|replace('%s',''))", "strftime_now('%d %b %Y')", "strftime_now('plain é')", "strftime_now('')", "strftime_now(5)", "strftime_now('%-d %-m')",
    "s.upper().lower().title()", "s|upper|lower|title|length", "'a,b,c'.split(',')|join('-')|upper", "(s|upper)[0]", "s|upper[0]", "s is string and l is sequence", "s is not string", "not s is string", "s is string is true", "1 is odd and 2 is even", "5 is divisibleby 5", "5 is divisibleby(2) or t", "s is eq 'x' or 1", "l is in [[3, 1, 2]]", "1 is in l", "'a' is in 'abc'", "x is float and n is integer and t is boolean", "f is false", "t is true", "none is none", "d is mapping", "s.upper is callable", "range is callable", "loop is defined", "caller is defined", "varargs is defined",
    "s(1)", "5()", "l()", "range(*[1, 5])", "dict(**{'a': 1})", "dict(**{'a': 1}, b=2)", "range(*l)", "dict(*[[('a', 1)]], **{'b': 2})", "'{}{}'.format(*'ab')", "'{a}'.format(**{'a': 1})", "range(stop=5)", "s.split(sep=',', nope=1)", "s|center(width=20)|trim", "s|nope", "s is nope", "l|map('nope')|list", "l|select('nope')|list", "l|sort|first", "l|sort(reverse=True)|last", "ls|sort", "ls|sort(case_sensitive=true)", "ls|unique|list", "mixed|sort", "rows|sort(attribute='name')|map(attribute='name')|list", "rows|groupby('name')", "people|groupby('city')", "people|groupby('city')|map('first')|list", "(people|groupby('city'))[0].list|length", "(people|groupby('city'))[0].grouper", "rows|map(attribute='in')|list", "rows|selectattr('in')|list|length", "rows|sum(attribute='age')", "people|sum(attribute='n')", "[[1], [2]]|sum(start=[])", "['a']|sum", "['a']|sum(start='')", "l|max", "l|min", "le|max", "le|first", "le|last", "le|sum", "ls|max", "ls|min(case_sensitive=true)", "people|max(attribute='n')", "mixed|max", "d|max", "d|list", "d|length", "d|first", "d|last", "d|join('-')", "d|reverse|list", "s|reverse", "s|list|length", "s|first", "s|last", "s|batch(4)|map('join')|list", "l|batch(2)|list", "l|slice(2)|list", "5|list", "5|length", "none|length", "none|list", "none|upper", "5|join", "[1, [2, 3]]|join(',')", "(1 for x in l)", "[x for x in l]", "lambda x: x", "l if", "1 +", "1 2", "a b", "(1", "[1", "{1", "{1: }", "a.", "a[", "a[]", "1 | ", "| upper", "a is", "not", "a if b else", "f(a=1, 2)", "f(**d, *l)", "f(a=1, a=2)", "a = 1", "1..2", "..", "$", "a ? b", "!a", "a && b", "`x`", "'unclosed", "\"mixed'", "@", "#", "a\\b",
    "html|e", "html|escape|escape", "html|forceescape", "html|safe", "(html|safe)|e", "(html|safe) + '<'", "'<' + (html|safe)", "('<'|safe) ~ '>'", "('<'|e)|length", "('<'|e)|upper", "('%s'|safe) % '<'|e", "html|striptags", "'<!-- x --> a <b>c</b>  d &lt; &#65; &#x42; &nbsp;|'|striptags", "s|urlencode", "u|urlencode", "d|urlencode", "[('a b', 'c&d/é')]|urlencode", "'a/b?c=d e+f~'|urlencode", "{'class': 'a', 'x': none, 'y': '<'}|xmlattr", "{'a b': 1}|xmlattr", "ml|indent", "ml|indent(2, true, true)", "ml|trim|indent", "e|indent", "e|indent(first=true)", "s|truncate(5)", "s|truncate(9, true, '')", "s|wordcount", "u|wordcount", "'a-b c_d 1'|wordcount", "title|title", "title|capitalize", "u|upper", "u|lower", "u|title", "u.title()", "'ΑΣ ΑΣΑ'|lower", "'İI'|lower", "'ǆ'|capitalize", "num|int", "fl|int", "fl|float", "hex|int(base=16)", "hex|int", "'0b11'|int(base=0)", "'1_000'|int", "'1__0'|int", "'abc'|int(7)", "'12abc'|int", "''|int", "none|int", "[]|int", "'inf'|float", "'nan'|float", "'-Infinity'|float", "'1e5'|int", "'0x10'|float", "' -5 '|int", "'+5'|int", "1e30|int", "'1e30'|int", "x|int", "y|int", "t|int", "3.7|int", "-3.7|int", "42.55|round", "42.55|round(1, 'floor')", "2.5|round", "3.5|round", "-2.5|round", "2.675|round(2)", "1234.5|round(-2)", "1250|round(-2)", "1350|round(-2)", "5|round", "5|round(2)", "'a'|round", "5|round(1, 'ceil')", "1.0|round(400)", "1e300|round(-300)", "1|filesizeformat", "999|filesizeformat", "1000|filesizeformat", "123456789|filesizeformat", "1024|filesizeformat(true)", "'13'|filesizeformat", "n|abs", "y|abs", "s|abs", "none|abs", "d|dictsort", "d|dictsort(true)", "d|dictsort(by='value', reverse=true)", "l|dictsort", "'a'|default('b')", "e|default('b')", "e|default('b', true)", "none|default('b')", "none|d('b', true)", "f|d('b', boolean=true)", "rows[0]|attr('age')", "s|attr('upper')", "s|attr('nope')", "namespace(a=5)|attr('a')", "d|items|list", "l|items|list", "missing|items|list", "none|items|list", "d|tojson|length", "1|string + 'a'", "[1, 2]|string", "(1, 2)|list", "{}|length == 0", "l|length > 2 and l[0] == 3", "l|sort == [1, 2, 3]", "{'a': [1, 2.0]} == {'a': [1.0, 2]}", "[1, 2] == (1, 2)", "range(3) == range(0, 3)", "range(0) == range(5, 5)", "'1' == 1", "1 == true", "none < 1", "'a' < 1", "[] < {}", "d < d", "d.keys() == d.keys()", "1 in d", "'a' in d", "[] in d", "'a' in d.keys()", "('a', 2) in d.items()", "3 in d.values()", "1 in s", "'' in s", "none in l", "2.0 in l", "true in [1]", "5 in 5", "s in l", "3 in range(5)", "l|map('string')|map('length')|list", "l|map('add')", "ll|map('first')|list", "ll|map(attribute=0)|list", "ll|map('sum')|list", "ls|map('lower')|unique|list", "ls|map(attribute='upper')|list|length", "(l|map('abs'))|length", "(l|map('abs'))[0]", "(l|map('abs'))|list", "l|map('abs') is iterable", "l|select is sequence", "l|reverse is string", "(l|reverse)|length", "l|map('abs')|first", "l|map('abs')|last", "e|map('upper')|list", "5|map('upper')|list", "5|select|list", "none|select|list", "zero|map('x')|list", "e.join(ls)", "', '.join(l)", "', '.join(l|map('string'))", "s.join(e)",
]

TEMPLATES = [
    # white space
    "a\n{% if t %}\nb\n{% endif %}\nc\n\n", "  {% if t %}  x  {% endif %}  \n y", "a  {%- if t -%}  b  {%- endif -%}  c", "\n\n  {{- s -}}  \n\n x", "  {{ s }}\n  {{ s }}  ", " {# c #} \n{# d #}\nx {#- e -#} y\n {#+ f +#} z", "{%+ if t %}x{% endif +%}\n y", "  {%+ if t %}x{%+ endif %}", "x\n\t{% set a = 1 %}\n{{ a }}", "x {% set a = 1 %} y", "\n{% raw %} {{ a }} {% endraw %}\n b", "x {%- raw -%} {% a %} {%- endraw -%} y", "{% raw %}\n{% endraw %}\n", "  {% raw +%}x{% endraw %}", "a\r\nb\r{% if t %}\r\nc{% endif %}\n\r\n", "{{ 'a\r\nb' }}|", "x\n", "x\n\n", "", "\n", "{% if t %}\n\n{% endif %}\n", "{{ s }}\n\n{{ s }}\n", "\u00a0{% if t %}x{% endif %}", "x\u2003{%- if t %}y{% endif -%}\u2003z", "\u2028{% if t %}x{% endif %}", "{#\n multi\n line #}\nx", "{# {{ x }} {% if %} #}y", "{{ '{{' }}{{ '%}' }}{{ \"}}\" }}", "{{ {'a': {'b': 1}}}}", "{{ {'a': 1}['a']}}", "{{\n s\n}}", "{%\nif t\n%}x{% endif %}", "{%if t%}x{%endif%}", "{%-if t-%} x {%-endif-%}", "{{s}}{{-s-}}{{+s}}", "{{ +1 }}{{-1}}{{- -1}}", "a {%- # %}", "{# open", "{% raw %} open", "{{ open", "{% if t", "{% if t %} open", "{% endif %}", "{% else %}", "{% nope %}", "{%%}", "{{}}", "{% %}", "}} %} #}", "{ { } } {x} %} {", "{", "{{ '\\'' }}", "# x\n## y", "{% if t %}\n  {% if t %}\n    x\n  {% endif %}\n{% endif %}\n", "{% for i in l %}\n  {{ i }}\n{% endfor %}\n", "{% for i in l -%}\n  {{ i }}\n{%- endfor %}\n", "{%- for i in l %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor -%}\n\n.", "{% if t %}a{% elif f %}b{% else %}c{% endif %}{% if f %}a{% elif t %}b{% else %}c{% endif %}{% if f %}a{% elif f %}b{% else %}c{% endif %}",
    # loops
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}|{{ loop.previtem }}|{{ loop.nextitem }};{% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for a, b in ll %}{{ a }}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for c in s %}{{ c }}.{% endfor %}", "{% for c in u %}{{ c }}.{% endfor %}", "{% for x in missing %}x{% else %}none{% endfor %}", "{% for x in none %}x{% endfor %}", "{% for x in 5 %}x{% endfor %}", "{% for x in le %}x{% else %}none{% endfor %}", "{% for i in l if i > 1 %}{{ i }}{{ loop.index }}{{ loop.length }}{{ loop.last }}{% else %}none{% endfor %}", "{% for i in l if i > 9 %}{{ i }}{% else %}none{% endfor %}", "{% for i in l if loop.first %}{{ i }}{% endfor %}", "{% for i in l %}{% for j in l if j < i %}{{ i }}{{ j }}{{ loop.index }} {% endfor %}{{ loop.index }}{% endfor %}", "{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% else %}e{% endfor %}", "{% for i in l %}{% break %}{% else %}e{% endfor %}", "{% for i in l %}{{ i }}{% break %}{% else %}e{% endfor %}", "{% for i in l %}{{ i }}{% if i == 1 %}{% break %}{% endif %}{% else %}e{% endfor %}", "{% for i in l %}{% continue %}{% else %}e{% endfor %}", "{% break %}", "{% if t %}{% continue %}{% endif %}", "{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for i in l %}{% for j in l %}{% break %}{% endfor %}{{ i }}{% endfor %}", "{% for i in l %}{% else %}{% break %}{% endfor %}", "{% for j in l %}{% for i in le %}{% else %}{% break %}{% endfor %}{{ j }}{% endfor %}", "{% for i in l %}{% set x %}{% break %}{% endset %}{{ i }}{% endfor %}.", "{% for i in l %}a{% filter upper %}b{% continue %}{% endfilter %}c{% endfor %}.",
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}, {'v': 3, 'c': []}]}] recursive %}{{ n.v }}{{ loop.depth }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}", "{% for n in l recursive %}{{ n }}{% if n is number and loop.depth < 3 %}[{{ loop(['a', 'b']) }}]{% endif %}{% else %}x{% endfor %}", "{% for i in l %}{{ loop(l) }}{% endfor %}", "{% for i in l %}{{ loop }}{% endfor %}", "{% for loop in l %}{% endfor %}", "{% for i in l %}{% set loop = 1 %}{% endfor %}", "{% for i in l %}{% set outer = loop %}{% for j in l %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}", "{{ loop }}{% for i in l %}{% endfor %}{{ loop is defined }}", "{% for i in l|map('abs') %}{{ i }}{{ loop.last }}{{ loop.length }}{% endfor %}", "{% set g = l|map('abs') %}{% for i in g %}{{ i }}{% break %}{% endfor %}{{ g|list }}", "{% set g = l|map('abs') %}{{ g|list }}{{ g|list }}", "{% set g = l|select %}{{ g|first }}{{ g|list }}", "{% set ns = namespace(go=true) %}{% for i in l if ns.go %}{{ i }}{% set ns.go = false %}{% endfor %}", "{% set ns = namespace(go=true) %}{% for i in l if ns.go %}{{ i }}{{ loop.index }}{% set ns.go = false %}{% endfor %}", "{% set ns = namespace(go=true) %}{% for i in l if ns.go %}{{ i }}{{ loop.last }}{% set ns.go = false %}{% endfor %}", "{% set ns = namespace(go=true) %}{% for i in l if ns.go %}{{ loop.length }}{% set ns.go = false %}{{ i }}{% endfor %}", "{% for i in range(3) %}{% for j in range(i) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{% endfor %}", "{% for x in l: %}{{ x }}{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% for x, in [(1,), (2,)] %}{{ x }}{% endfor %}", "{% for x in l if t else f %}{{ x }}{% endfor %}", "{% for x in (l if t else le) %}{{ x }}{% endfor %}", "{% for x in l recursive if x %}{% endfor %}", "{% for x in d.items() %}{{ x }}{{ x[0] }}{% endfor %}", "{% for a.b in l %}{% endfor %}", "{% for 1 in l %}{% endfor %}", "{% for x %}{% endfor %}", "{% for x in %}{% endfor %}",
    # scopes
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "{% if t %}{% set q = 1 %}{% endif %}{{ q }}", "{% if f %}{% set s = 1 %}{% endif %}{{ s }}", "{% if f %}{% set s = 1 %}{% else %}{% set s = 2 %}{% endif %}{{ s }}", "{% if f %}{% set s = 1 %}{% elif f %}{% set s = 3 %}{% endif %}{{ s }}", "{{ s }}{% set s = 5 %}{{ s }}", "{% for i in l %}{{ s }}{% set s = i %}{% endfor %}{{ s }}", "{% for i in l %}{% set s = i %}{% endfor %}{{ s }}", "{% for i in l %}{{ q }}{% endfor %}{% set q = 1 %}", "{% for i in l %}{{ s }}{% endfor %}{% set s = 1 %}{{ s }}", "{% for i in l %}{% if i == 1 %}{% set s = i %}{% endif %}{{ s }}{% endfor %}", "{% for i in l %}{% if i == 1 %}{% set q = i %}{% endif %}{{ q }};{% endfor %}", "{% set q = 0 %}{% for i in l %}{% if i == 1 %}{% set q = i %}{% endif %}{{ q }};{% endfor %}{{ q }}", "{% set ns = namespace(a=1) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns }}", "{% set ns.a = 1 %}", "{% set d.a = 1 %}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = b, 1 %}{{ a }}{{ b }}", "{% set a, b = l %}", "{% set a, b = 'xy' %}{{ a }}{{ b }}", "{% set a = b = 1 %}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set a %}x{{ s }}{% endset %}{{ a }}", "{% set a | upper | replace('X', 'y') %}x{{ s }}{% endset %}{{ a }}", "{% set a | default('d') %}{% endset %}{{ a }}", "{% set a %}{% set b = 1 %}{% endset %}{{ b }}", "{% set ns = namespace() %}{% set ns.x %}block{% endset %}{{ ns.x }}", "{% set true = 1 %}", "{% set none = 1 %}", "{% set a[0] = 1 %}", "{% set 1 = 1 %}", "{% set a = %}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with a = s %}{% set s = 1 %}{{ a }}{{ s }}{% endwith %}{{ s }}", "{% with s = 1, b = s %}{{ b }}{% endwith %}", "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}", "{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}", "{% filter upper %}a{{ s }}{% set q = 1 %}{% endfilter %}{{ q }}", "{% filter replace('a', s) %}a{% endfilter %}", "{% filter upper|lower|length %}abc{% endfilter %}", "{% filter indent(2) %}a\nb\n{% endfilter %}", "{% filter nope %}{% endfilter %}", "{% print s, 1 %}{% print(s) %}", "{% print %}",
    # macros
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m() }}|{{ m(1, 2, 3) }}|{{ m(c=1, a=5) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}", "{% macro m(a, b) %}{{ varargs|length }}{% endmacro %}{{ m(1, 2, 3, 4) }}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{{ s }}{% endcall %}", "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=5) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}no{% endmacro %}{% call m() %}{% endcall %}", "{% macro m(caller) %}{{ caller() }}{% endmacro %}", "{% macro m(caller=none) %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}", "{% macro m(x) %}{% if caller is defined and caller %}c{% endif %}{% if caller %}{{ caller() }}{% endif %}{{ x }}{% endmacro %}{{ m(1) }}", "{% call s.upper() %}x{% endcall %}", "{% call 5 %}{% endcall %}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m() %}{{ q }}{% endmacro %}{% set q = 1 %}{{ m() }}{% set q = 2 %}{{ m() }}", "{% macro m() %}{{ q }}{% endmacro %}{% for q in l %}{{ m() }}{% endfor %}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}", "{% macro m() %}{% set s = 1 %}{{ s }}{% endmacro %}{{ m() }}{{ s }}", "{% macro m(s) %}{{ s }}{% set s = 5 %}{{ s }}{% endmacro %}{{ m(1) }}{{ s }}", "{% macro m(a, b=1) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{{ m }}", "{% macro m() %}  x  {% endmacro %}[{{ m()|trim }}][{{ m() is string }}]", "{% macro m() -%}\n  x\n{%- endmacro %}{{ m() }}", "{% macro a() %}a{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro true() %}{% endmacro %}", "{% macro outer() %}{% macro inner(x) %}<{{ x }}{{ s }}>{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer() }}", "{% macro m() %}{{ kwargs.get('a', 'none') }}{% endmacro %}{{ m(a=1) }}{{ m() }}{{ m(**{'a': 2}) }}", "{% macro m() %}{% for i in varargs %}{{ i }}{{ loop.last }}{% endfor %}{% endmacro %}{{ m(*l) }}", "{% macro m() %}{{ caller.name }}|{{ caller.arguments }}{% endmacro %}{% call(z) m() %}{% endcall %}", "{% if f %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}", "{% macro m(x='é' ~ s) %}{{ x }}{% endmacro %}{{ m() }}{{ m(x=none) }}{{ m(missing) }}", "{% macro m(l=[]) %}{{ l }}{% endmacro %}{{ m() }}{{ m([1]) }}", "{% set f = range %}{{ f(3)|list }}", "{% set up = s.upper %}{{ up() }}", "{% macro m() %}{{ loop is defined }}{% endmacro %}{% for i in l %}{{ m() }}{% endfor %}", "{% for i in l %}{% call range(2) %}{% endcall %}{% endfor %}", "{% macro m(a) %}{{ caller(a + 1) }}{% endmacro %}{% call(x) m(1) %}{% call(y) m(x) %}{{ x }}{{ y }}{% endcall %}{% endcall %}", "{% macro m(a=missing) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}",
    # what transformers adds
    "{% generation %}a{{ s }}{% endgeneration %}\nb", "{% for i in l %}{% generation %}{{ i }}{{ loop.index }}{% set s = i %}{% endgeneration %}{{ s }}{% endfor %}", "{%- generation -%} a {%- endgeneration -%} b", "{% generation %}", "{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "{{ raise_exception('Stop: ' ~ s) }}", "{% if t %}{{- raise_exception(\"it's\\na line\") }}{% endif %}", "{% set date = strftime_now('%d %b %Y') %}{{ date }}", "{% if strftime_now is defined %}{{ strftime_now('%B') }}{% endif %}", "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}",
    "{% set j = joiner(', ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{% do l.append(1) %}", "{% trans %}x{% endtrans %}", "{% debug %}", "{% if %}{% endif %}", "{% if t, f %}tuple{% endif %}", "{% if t: %}x{% endif %}", "{% endfor %}", "{% if t %}{% endfor %}", "{% for i in l %}{% endif %}", "{% set x = {'a': [1, 2, {'b': (3,)}]} %}{{ x.a[2].b[0] }}", "{% set messages = rows %}{% for m in messages %}{{ m['name'] + '\\n' }}{% endfor %}", "{% set loop_messages = rows[1:] %}{{ loop_messages|length }}{{ loop_messages[0]['name'] }}", "{{ rows[-1]['name'] }}{{ rows[::-1][0].name }}{{ (rows|last)['name'] }}", "{{ 'a' if s is defined and s != '' else 'b' }}{{ s if s }}{{ e if e }}", "{{ s.split(',')[-1].lstrip('\\n ') }}{{ s.split('o')[0].rstrip('l') }}", "{{ '\\n' }}{{ \"\\n\" }}{{ '\\\\n' }}{{ 'a\nb' }}",
]


def _expressions(full):
    for e in EXPRESSIONS + FORMATS:
        yield "{{ " + e + " }}"
    for name, calls in FILTERS.items():
        for args, value in itertools.product(calls, VALUES):
            if name == "wordcount" and "map" in value:  # the words of a Python address
                continue
            yield "{{ (" + value + ")|" + name + args + " }}"
    for test, value in itertools.product(TESTS, VALUES):
        yield "{{ (" + value + ") is " + test + " }}"
    strings = ["s", "e", "sp", "u", "ml", "up", "title", "num", "'-5'", "'12'", "'Ab Cd'", "'²'", "'a\\u2028b\\x1cc'"]
    for name, calls in METHODS.items():
        for args, value in itertools.product(calls, strings):
            yield "{{ " + value + "." + name + args + " }}"
    pairs = list(itertools.product(OPERATORS, VALUES, VALUES))
    if not full:
        pairs = random.Random(2).sample(pairs, 4000)
    for op, left, right in pairs:
        views = left.startswith("d.") or right.startswith("d.")
        if views and op in ("-", "<", "<=", ">", ">="):  # Python's sets, which are not offered
            continue
        if op == "**" and right == "big":  # Python would compute on for hours
            continue
        yield "{{ (" + left + ") " + op + " (" + right + ") }}"
    for value in VALUES:
        yield "{{ " + value + " }}"
        yield "{{ [" + value + "] }}"
        yield "{{ -(" + value + ") }}{{ not (" + value + ") }}"
        yield "{% for q in (" + value + ") %}{{ q }}{{ loop.index }}{{ loop.last }};{% else %}none{% endfor %}"
        yield "{% if (" + value + ") %}yes{% else %}no{% endif %}"
        for index in ("0", "-1", "'a'", "'name'", "none", "1.0", "true", "9", "(1, 2)", "[]"):
            yield "{{ (" + value + ")[" + index + "] }}"
        if value in ("none", "'<b>'|safe", "(1, 'a')", "()"):  # jinja2's optimizer turns their errors into undefined
            continue
        for part in ("1:", ":-1", "::2", "::-1", "-2:", "5:1:-2", "::0", "'a':", "x:"):
            yield "{{ (" + value + ")[" + part + "] }}"


_PLAIN = [v for v in VALUES if not v.startswith("d.") and "map" not in v]  # no sets, no addresses
_TAME = [op for op in OPERATORS if op != "**"]  # what Python computes in bounded time


class _Random:
    """Random expressions and templates."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def expression(self, depth):
        r = self.r
        if depth <= 0 or r.random() < 0.2:
            return r.choice(_PLAIN + ["0", "1", "-3", "2.5", "'x'", "''", "\"q\"", "[]", "{}", "true", "none"])
        sub = lambda: self.expression(depth - 1)
        kind = r.randrange(11)
        if kind == 0:
            return f"({sub()} {r.choice(_TAME)} {sub()})"
        if kind == 1:
            return f"{sub()} {r.choice(_TAME)} {sub()} {r.choice(_TAME)} {sub()}"
        if kind in (2, 3):
            name = r.choice([f for f in FILTERS if f != "nope"])
            return f"{sub()}|{name}{r.choice(FILTERS[name])}"
        if kind == 4:
            return f"({sub()} is {r.choice(TESTS)})"
        if kind == 5:
            return f"({sub()} if {sub()} else {sub()})"
        if kind == 6:
            name = r.choice(list(METHODS))
            return f"({sub()}|string).{name}{r.choice(METHODS[name])}"
        if kind == 7:
            return "[" + ", ".join(sub() for _ in range(r.randrange(4))) + "]"
        if kind == 8:
            return f"({sub()})[{sub()}]"
        if kind == 9:
            return "{'k': " + sub() + ", " + r.choice(["1", "'z'", "none", "s"]) + ": " + sub() + "}"
        return f"{r.choice(['-', '+', 'not '])}{sub()}"

    def tag(self, inside):
        r = self.r
        return "{%" + r.choice(["", "", "-", "+"]) + r.choice([" ", "\n", ""]) + inside + " " + r.choice(["", "", "-", "+"]) + "%}"

    def text(self):
        return "".join(self.r.choice([" ", "\n", "\t", "a", "b", "\n\n", "  ", "é"]) for _ in range(self.r.randrange(4)))

    def body(self, depth):
        r = self.r
        out = []
        for _ in range(r.randrange(1, 4)):
            out.append(self.text())
            kind = r.randrange(10) if depth > 0 else r.randrange(3)
            name = r.choice(["v", "w", "s", "ns.a"])
            if kind == 0:
                out.append("{{" + r.choice(["", "-", "+"]) + " " + self.expression(1) + " " + r.choice(["", "-"]) + "}}")
            elif kind == 1:
                out.append("{{ " + r.choice(["v", "w", "s", "i", "ns.a", "loop.index"]) + " }}")
            elif kind == 2:
                out.append(self.tag(f"set {name} = {r.choice(['1', 's', 'v', 'i', 'w ~ 1', self.expression(1)])}") if r.random() < .7 else "{#" + r.choice(["", "-", "+"]) + " c " + r.choice(["", "-", "+"]) + "#}")
            elif kind in (3, 4):
                out.append(self.tag(f"for i in {r.choice(['l', 'ls', 'range(2)', 'le', 'd', 'missing'])}{r.choice(['', '', ' if i', ' if i != 1', ' if v is defined'])}"))
                out.append(self.body(depth - 1))
                if r.random() < .3:
                    out.append(self.tag("if " + r.choice(["i == 1", "loop.first", "v"])) + self.tag(r.choice(["break", "continue"])) + self.tag("endif"))
                if r.random() < .3:
                    out.append(self.tag("else") + self.body(depth - 1))
                out.append(self.tag("endfor"))
            elif kind in (5, 6):
                out.append(self.tag(f"if {r.choice(['t', 'f', 'v', 'i', 's is defined', self.expression(1)])}") + self.body(depth - 1))
                if r.random() < .3:
                    out.append(self.tag("elif " + r.choice(["v", "w", "t"])) + self.body(depth - 1))
                if r.random() < .5:
                    out.append(self.tag("else") + self.body(depth - 1))
                out.append(self.tag("endif"))
            elif kind == 7:
                out.append(self.tag(f"macro m(v, w={r.choice(['1', 's', 'v'])})") + self.body(depth - 1) + self.tag("endmacro") + "{{ m(" + r.choice(["1", "", "w=s", "v=i"]) + ") }}")
            elif kind == 8:
                what, end = r.choice([("with v = s", "endwith"), ("filter upper", "endfilter"), ("set w", "endset"), ("set v | trim", "endset"), ("generation", "endgeneration"), ("with w = v, v = w", "endwith")])
                out.append(self.tag(what) + self.body(depth - 1) + self.tag(end))
            else:
                out.append(self.tag("call(i) k(2)") + self.body(depth - 1) + self.tag("endcall"))
            out.append(self.text())
        return "".join(out)

    def template(self):
        start = "{% set ns = namespace(a=0) %}{% macro k(x) %}<{{ caller(x) }}>{% endmacro %}"
        return start + self.body(3)


def cases(n_expressions=3000, n_templates=3000, seed=1, full=False):
    for template in itertools.chain(TEMPLATES, _expressions(full)):
        yield "snippet", template, VARS
    r = _Random(seed)
    for _ in range(n_expressions):
        yield "random expression", "{{ " + r.expression(3) + " }}", VARS
    for _ in range(n_templates):
        yield "random template", r.template(), VARS
