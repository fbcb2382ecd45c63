package script

import (
	"fmt"
	"strings"
)

// A block is a few commands and what they print.
type block struct {
	text     []string // comments and commands, as they are in the file
	commands []string
	line     int // of the first command, counted from 1
	output   string
}

const dashes = "----"

// parse reads a transcript.
func parse(text string) ([]block, error) {
	var blocks []block
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := 0; i < len(lines); {
		if strings.TrimSpace(lines[i]) == "" {
			i++
			continue
		}
		var b block
		for ; i < len(lines) && lines[i] != dashes; i++ {
			line := strings.TrimSpace(lines[i])
			b.text = append(b.text, lines[i])
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if b.commands == nil {
				b.line = i + 1
			}
			b.commands = append(b.commands, line)
		}
		if i == len(lines) {
			return nil, fmt.Errorf("line %d: the last block has no line of four dashes", i)
		}
		if b.commands == nil {
			return nil, fmt.Errorf("line %d: four dashes without a command before them", i+1)
		}
		var out strings.Builder
		for i++; i < len(lines) && lines[i] != ""; i++ {
			out.WriteString(lines[i] + "\n")
		}
		b.output = out.String()
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// format writes a transcript as parse reads it.
func format(blocks []block) string {
	var out strings.Builder
	for i, b := range blocks {
		if i > 0 {
			out.WriteString("\n")
		}
		for _, line := range b.text {
			out.WriteString(line + "\n")
		}
		out.WriteString(dashes + "\n" + b.output)
	}
	return out.String()
}
