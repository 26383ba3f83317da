package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ManualCommand prints the program's manual page.
type ManualCommand struct{}

// Help explains how to read the page.
func (*ManualCommand) Help() string {
	return "Read it with, for ctr: ctr man | man -l -"
}

// Run prints the page in the format of man(7).
func (*ManualCommand) Run(parsed *kong.Context, p Program) error {
	return writeManual(parsed.Stdout, parsed.Model, p)
}

// writeManual writes the manual page: all commands with their flags, in the order of --help.
func writeManual(w io.Writer, model *kong.Application, p Program) error {
	m := &manual{}
	m.macro("TH", strings.ToUpper(p.Name), fmt.Sprint(p.Section), "", p.Name+" "+p.Version, "CTR manual")
	m.macro("SH", "NAME")
	m.text(p.Name + ` \- ` + escapeText(firstToLower(firstSentence(model.Help))))
	m.macro("SH", "SYNOPSIS")
	m.text(`\fB` + escapeText(p.Name) + `\fR [\fIflags\fR] \fIcommand\fR [\fIflags\fR] [\fIarguments\fR]`)
	if model.Detail != "" {
		m.macro("SH", "DESCRIPTION")
		m.paragraphs(model.Detail)
	}
	m.macro("SH", "FLAGS OF ALL COMMANDS")
	m.flags(model.Node)
	m.entry(`\fB\-\-version\fR`, "Print the version. It must be the only argument.")
	m.macro("SH", "COMMANDS")
	for _, leaf := range model.Leaves(true) {
		if !isHidden(leaf) {
			m.command(leaf, p.Name)
		}
	}
	if len(p.Exit) > 0 {
		m.section(Section{Title: "EXIT STATUS", Entries: p.Exit})
	}
	for _, s := range p.Sections {
		m.section(s)
	}
	_, err := io.WriteString(w, m.String())
	return err
}

// isHidden tells whether the command or one above it is hidden.
func isHidden(node *kong.Node) bool {
	for ; node != nil; node = node.Parent {
		if node.Hidden {
			return true
		}
	}
	return false
}

// manual is a page in the making.
type manual struct{ strings.Builder }

func (m *manual) macro(name string, args ...string) {
	m.WriteString("." + name)
	for _, arg := range args {
		m.WriteString(` "` + strings.ReplaceAll(escapeText(arg), `"`, `\(dq`) + `"`)
	}
	m.WriteString("\n")
}

// text writes lines that are escaped already.
func (m *manual) text(escaped string) {
	for line := range strings.Lines(strings.TrimSpace(escaped) + "\n") {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		m.WriteString(line)
	}
}

func (m *manual) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			m.macro("PP")
		}
		m.text(escapeText(paragraph))
	}
}

func (m *manual) section(s Section) {
	m.macro("SH", s.Title)
	if s.Text != "" {
		m.paragraphs(s.Text)
	}
	for _, e := range s.Entries {
		m.entry(`\fB`+escapeText(e.Name)+`\fR`, e.Text)
	}
}

// entry writes a name, escaped already, and its indented explanation.
func (m *manual) entry(name, text string) {
	m.macro("TP")
	m.text(name)
	m.text(escapeText(text))
}

// command writes a command with its arguments and its own flags.
func (m *manual) command(node *kong.Node, program string) {
	summary := program + " " + node.Path()
	for _, argument := range node.Positional {
		summary += " " + argument.Summary()
	}
	m.macro("SS", summary)
	m.text(escapeText(node.Help))
	for _, argument := range node.Positional {
		m.entry(`\fI`+escapeText(argument.Summary())+`\fR`, explainValue(argument))
	}
	for parent := node; parent.Parent != nil; parent = parent.Parent {
		m.flags(parent)
	}
	if node.Detail != "" {
		m.macro("PP")
		m.paragraphs(node.Detail)
	}
}

// flags writes the flags of one node, without those that all commands have.
func (m *manual) flags(node *kong.Node) {
	for _, flag := range node.Flags {
		if flag.Hidden {
			continue
		}
		name := `\fB--` + escapeText(flag.Name) + `\fR`
		if flag.Short != 0 {
			name = `\fB-` + string(flag.Short) + `\fR, ` + name
		}
		if !flag.IsBool() && !flag.IsCounter() {
			name += `=\fI` + escapeText(flag.FormatPlaceHolder()) + `\fR`
		}
		m.entry(strings.ReplaceAll(name, "-", `\-`), explainValue(flag.Value))
	}
}

// explainValue returns the help of a flag or an argument with its values and its default, unless the help tells them.
func explainValue(v *kong.Value) string {
	text := v.Help
	values := slices.DeleteFunc(v.EnumSlice(), func(value string) bool { return value == "" })
	if slices.ContainsFunc(values, func(value string) bool { return !strings.Contains(v.Help, value) }) {
		text += " One of: " + strings.Join(values, ", ") + "."
	}
	if v.Default != "" && !v.IsBool() && !strings.Contains(strings.ToLower(v.Help), "default") {
		text += " Default: " + v.Default + "."
	}
	return text
}

// escapeText escapes what has a meaning in roff.
func escapeText(text string) string {
	return strings.NewReplacer(`\`, `\e`, "…", "...", "’", `\(cq`).Replace(text)
}

func firstToLower(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + text[1:]
}
