package cli

import (
	"embed"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// CompletionCommand prints a completion script.
type CompletionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Help explains how to use the script.
func (*CompletionCommand) Help() string {
	return `For ctr; the same works for ctrd. In one session of bash or zsh: source <(ctr completion bash). In one of ` +
		`fish: ctr completion fish | source.

For all sessions, write it to /usr/share/bash-completion/completions/ctr for bash, to a file _ctr in a directory of ` +
		`$fpath for zsh, or to ~/.config/fish/completions/ctr.fish for fish.`
}

// completionScripts has a script for each shell, in which PROGRAM is the name of the program.
//
//go:embed scripts
var completionScripts embed.FS

// Run prints the script. It calls the program itself for the candidates, so it never needs to be renewed.
func (c *CompletionCommand) Run(parsed *kong.Context, p Program) error {
	script, err := completionScripts.ReadFile("scripts/" + c.Shell)
	if err != nil {
		return err
	}
	_, err = io.WriteString(parsed.Stdout, strings.ReplaceAll(string(script), "PROGRAM", p.Name))
	return err
}

// completionRequest is the first argument when a script asks for candidates. The words of the command line follow, up
// to and including the one to complete.
const completionRequest = "__complete"

// Directives in place of a candidate tell the script to complete names of files or directories.
const (
	completeFiles       = ":files"
	completeDirectories = ":directories"
)

// complete returns the candidates for the last word, each with a tab and its explanation if it has one.
func complete(model *kong.Application, words []string) []string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" }) // bash splits --flag=value
	if len(words) == 0 {
		words = []string{""}
	}
	c := &completer{node: model.Node}
	last := len(words) - 1
	for _, word := range words[:last] {
		c.consume(word)
	}
	all := c.candidates(words[last])
	if last == 0 && strings.HasPrefix(words[0], "-") && strings.HasPrefix(versionFlag, words[0]) {
		all = append(all, describe(versionFlag, "Print the version"))
	}
	return all
}

// completer follows the words of a command line through the model.
type completer struct {
	node      *kong.Node
	pending   *kong.Flag // whose value is the next word
	used      []*kong.Flag
	positions int  // positional arguments so far
	argsOnly  bool // after "--"
}

// consume moves over a complete word.
func (c *completer) consume(word string) {
	switch {
	case c.pending != nil:
		c.pending = nil
	case word == "--":
		c.argsOnly = true
	case strings.HasPrefix(word, "-") && !c.argsOnly:
		name, _, hasValue := strings.Cut(word, "=")
		flag := c.findFlag(name)
		if flag == nil {
			return
		}
		c.used = append(c.used, flag)
		if !hasValue && !flag.IsBool() && !flag.IsCounter() {
			c.pending = flag
		}
	default:
		if child := findChild(c.node, word); child != nil && c.positions == 0 {
			c.node = child
		} else {
			c.positions++
		}
	}
}

// candidates returns what can complete the word.
func (c *completer) candidates(word string) []string {
	if c.pending != nil {
		return completeValue(c.pending.Value, "", word)
	}
	if strings.HasPrefix(word, "-") && !c.argsOnly {
		if name, value, found := strings.Cut(word, "="); found {
			if flag := c.findFlag(name); flag != nil {
				return completeValue(flag.Value, name+"=", value)
			}
			return nil
		}
		return c.completeFlag(word)
	}
	var all []string
	for _, child := range c.node.Children {
		if !child.Hidden && c.positions == 0 && strings.HasPrefix(child.Name, word) {
			all = append(all, describe(child.Name, child.Help))
		}
	}
	if n := len(c.node.Positional); n > 0 {
		last := c.node.Positional[n-1]
		switch {
		case c.positions < n:
			all = append(all, completeValue(c.node.Positional[c.positions], "", word)...)
		case last.IsCumulative():
			all = append(all, completeValue(last, "", word)...)
		}
	}
	return all
}

// completeFlag returns the flags of the command and of those above it, except those that were given already.
func (c *completer) completeFlag(word string) []string {
	var all []string
	for _, group := range c.node.AllFlags(true) {
		for _, flag := range group {
			if name := "--" + flag.Name; strings.HasPrefix(name, word) &&
				(flag.IsCumulative() || !slices.Contains(c.used, flag)) {
				all = append(all, describe(name, flag.Help))
			}
		}
	}
	return all
}

// findFlag finds a flag by its name with its dashes.
func (c *completer) findFlag(name string) *kong.Flag {
	for _, group := range c.node.AllFlags(false) {
		for _, flag := range group {
			if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

func findChild(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name || slices.Contains(child.Aliases, name) {
			return child
		}
	}
	return nil
}

// completeValue returns the values of a flag or a positional argument, or the directive for names of files.
func completeValue(v *kong.Value, prefix, word string) []string {
	if v.Enum != "" {
		var all []string
		for _, value := range v.EnumSlice() {
			if value != "" && strings.HasPrefix(value, word) {
				all = append(all, prefix+value)
			}
		}
		return all
	}
	placeholder := v.Name
	if v.Flag != nil {
		placeholder = v.Flag.PlaceHolder
	}
	switch placeholder = strings.ToUpper(placeholder); {
	case v.Tag.Type == "existingdir" || strings.HasPrefix(placeholder, "DIR"):
		return []string{completeDirectories}
	case v.Tag.Type == "existingfile" || v.Tag.Type == "path" || strings.HasPrefix(placeholder, "FILE"):
		return []string{completeFiles}
	}
	return nil
}

// describe appends the first sentence of an explanation to a candidate.
func describe(name, help string) string { return name + "\t" + firstSentence(help) }

func firstSentence(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(sentence, ".")
}
