package tribes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Bounds of the properties that are read from a payload.
const (
	maxProperties = 256
	placeholder   = "ping" // Axis2's payload of a member that it knows only by configuration
)

// ParseProperties reads a payload in the form of java.util.Properties, as Axis2
// publishes it: lines of key=value, comments behind # or !, escapes, ISO 8859-1.
// Of a key that comes twice the later counts. A payload that is no such text, or
// Axis2's placeholder "ping", has none; at most 256 are taken.
func ParseProperties(payload string) map[string]string {
	if payload == placeholder || strings.ContainsRune(payload, 0) {
		return nil
	}
	var out map[string]string
	for line := range logicalLines(payload) {
		key, value := splitProperty(line)
		if key = unescape(key); key == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		if len(out) >= maxProperties {
			break
		}
		out[key] = unescape(value)
	}
	return out
}

// logicalLines yields the lines that hold something, without leading blanks; a
// backslash at the end joins the next line.
func logicalLines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
		lines := strings.Split(text, "\n")
		for i := 0; i < len(lines); i++ {
			line := strings.TrimLeft(lines[i], " \t\f")
			if line == "" || line[0] == '#' || line[0] == '!' {
				continue
			}
			var joined strings.Builder
			for continues(line) && i+1 < len(lines) {
				i++
				joined.WriteString(line[:len(line)-1])
				line = strings.TrimLeft(lines[i], " \t\f")
			}
			joined.WriteString(line)
			if !yield(joined.String()) {
				return
			}
		}
	}
}

// continues: an odd number of backslashes stands at the end.
func continues(line string) bool {
	trimmed := strings.TrimRight(line, `\`)
	return (len(line)-len(trimmed))%2 == 1
}

// splitProperty cuts at the first =, : or blank that is not escaped.
func splitProperty(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
			continue
		}
		if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	value = strings.TrimLeft(line[end:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return line[:end], value
}

// unescape undoes \t, \n, \r, \f, \uXXXX and \ before anything else; other
// bytes are ISO 8859-1.
func unescape(s string) string {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			units = append(units, uint16(c))
			continue
		}
		i++
		switch c = s[i]; c {
		case 't':
			c = '\t'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 'f':
			c = '\f'
		case 'u':
			if i+4 < len(s) {
				if u, err := strconv.ParseUint(s[i+1:i+5], 16, 16); err == nil {
					units, i = append(units, uint16(u)), i+4
					continue
				}
			}
		}
		units = append(units, uint16(c))
	}
	return string(utf16.Decode(units))
}

// FormatProperties writes properties as java.util.Properties stores them: an
// empty comment, the date, then the lines, here sorted by key.
func FormatProperties(properties map[string]string, now time.Time) string {
	var b strings.Builder
	b.WriteString("#\n#")
	b.WriteString(now.Format("Mon Jan 02 15:04:05 MST 2006"))
	b.WriteByte('\n')
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		escape(&b, key, true)
		b.WriteByte('=')
		escape(&b, properties[key], false)
		b.WriteByte('\n')
	}
	return b.String()
}

// escape writes a key or a value. Of a value only the leading blank is escaped.
// What is no UTF-8 is written as U+FFFD, as ParseProperties reads half a
// surrogate pair.
func escape(b *strings.Builder, s string, isKey bool) {
	for i, r := range s {
		switch {
		case r == ' ' && (isKey || i == 0):
			b.WriteString(`\ `)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\f':
			b.WriteString(`\f`)
		case strings.ContainsRune(`\=:#!`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r > 0x7e:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04X`, u)
			}
		default:
			b.WriteRune(r)
		}
	}
}
