package cli

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// grammar has a flag of each kind, nested commands, and positional arguments.
type grammar struct {
	Key  string `help:"The key. It is secret." type:"existingfile" placeholder:"FILE"`
	JSON bool   `name:"json" help:"Print JSON."`

	Send struct {
		File  string   `arg:"" help:"XML file."`
		Save  string   `help:"State." enum:",Draft,Final" default:""`
		Trust []string `help:"Authorities. Repeatable." type:"path"`
		Out   string   `short:"o" help:"Where to: .p12 or 'standard output'." placeholder:"DIR"`
		Count int      `help:"How many." default:"20"`
	} `cmd:"" help:"Send a file."`
	Staff struct {
		List struct{} `cmd:"" default:"1" help:"List the staff."`
		End  struct {
			Version string `help:"Version of the entry."`
			Role    string `arg:"" help:"The role." enum:"Manager,Member"`
		} `cmd:"" help:"End a role."`
	} `cmd:"" help:"Manage staff."`
	Secret     struct{}          `cmd:"" hidden:"" help:"Not for users."`
	Completion CompletionCommand `cmd:"" help:"Print a completion script."`
	Man        ManualCommand     `cmd:"" hidden:""`
}

var program = Program{
	Name: "tool", Section: 1, Version: "v1.2.3", Exit: []Entry{{"0", "Success."}},
	Sections: []Section{{Title: "FILES", Text: "First.\n\n.Second begins with a dot.", Entries: []Entry{{"x\\y", "A backslash."}}}},
}

func parserFor(t *testing.T, stdout *bytes.Buffer) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&grammar{}, kong.Name(program.Name), kong.Bind(program), kong.Description("Does things. In two sentences."),
		kong.Writers(stdout, stdout), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

func TestComplete(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		words string // separated by spaces; the last one is completed
		want  string // the candidates without explanations, separated by spaces
	}{
		{"", "send staff completion"},
		{"s", "send staff"},
		{"sec", ""},
		{"-", "--help --key --json --version"},
		{"--j", "--json"},
		{"--json ", "send staff completion"},
		{"--key ", ":files"},
		{"--key=", ":files"},
		{"--key = ", ":files"},
		{"--key k send --s", "--save"},
		{"--json send --j", ""},
		{"send ", ":files"},
		{"send file ", ""},
		{"send --save ", "Draft Final"},
		{"send --save D", "Draft"},
		{"send --save=F", "--save=Final"},
		{"send --save = F", "Final"},
		{"send --save=Final -", "--help --key --json --trust --out --count"},
		{"send --trust a --trust ", ":files"},
		{"send --trust a --t", "--trust"},
		{"send -o ", ":directories"},
		{"send --unknown ", ":files"},
		{"send --unknown=", ""},
		{"send -- -", ":files"},
		{"staff ", "list end"},
		{"staff end ", "Manager Member"},
		{"staff end --version ", ""},
		{"staff end --ver", "--version"},
		{"completion ", "bash zsh fish"},
	} {
		var got []string
		for _, line := range complete(parserFor(t, &bytes.Buffer{}).Model, strings.Split(test.words, " ")) {
			name, _, _ := strings.Cut(line, "\t")
			got = append(got, name)
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%q: %q, want %q", test.words, got, test.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string // nothing if the grammar must decide
	}{
		{[]string{"--version"}, "tool v1.2.3\n"},
		{[]string{"__complete", "staff", "e"}, "end\tEnd a role\n"},
		{[]string{"__complete", "--k"}, "--key\tThe key\n"},
		{[]string{"staff", "end", "--version", "3"}, ""},
		{nil, ""},
	} {
		var stdout bytes.Buffer
		answered := program.Answer(&stdout, parserFor(t, &bytes.Buffer{}).Model, test.args)
		if answered != (test.want != "") || stdout.String() != test.want {
			t.Errorf("%q: %t, %q", test.args, answered, stdout.String())
		}
	}
}

func runCommand(t *testing.T, args ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	parsed, err := parserFor(t, &stdout).Parse(args)
	if err == nil {
		err = parsed.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if script := runCommand(t, "completion", shell); !strings.Contains(script, "tool __complete ") || strings.Contains(script, "PROGRAM") {
			t.Errorf("%s:\n%s", shell, script)
		}
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	page := runCommand(t, "man")
	for _, want := range []string{
		".TH \"TOOL\" \"1\" \"\" \"tool v1.2.3\" \"CTR manual\"\n",
		".SH \"NAME\"\ntool \\- does things\n",
		".TP\n\\fB\\-\\-key\\fR=\\fIFILE\\fR\nThe key. It is secret.\n",
		".TP\n\\fB\\-\\-version\\fR\n",
		".SS \"tool send <file>\"\nSend a file.\n",
		".TP\n\\fB\\-o\\fR, \\fB\\-\\-out\\fR=\\fIDIR\\fR\nWhere to: .p12 or 'standard output'.\n",
		"State. One of: Draft, Final.\n",
		"How many. Default: 20.\n",
		".SS \"tool staff end <role>\"\n",
		"The role. One of: Manager, Member.\n",
		".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nSuccess.\n",
		".SH \"FILES\"\nFirst.\n.PP\n\\&.Second begins with a dot.\n.TP\n\\fBx\\ey\\fR\nA backslash.\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, hidden := range []string{"Not for users", "tool man"} {
		if strings.Contains(page, hidden) {
			t.Errorf("the page shows %q", hidden)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := Version("v1.2.3"); got != "v1.2.3" {
		t.Errorf("the build's version is %q", got)
	}
	if got := Version(""); got == "" {
		t.Error("there is no version without one from the build")
	}
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}
	for _, test := range []struct {
		module   string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", revision, "v1.2.3"},
		{"(devel)", revision, "devel-0123456789ab"},
		{"(devel)", append(revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "devel-0123456789ab-modified"},
		{"", nil, "devel"},
	} {
		if got := versionFrom(&debug.BuildInfo{Main: debug.Module{Version: test.module}, Settings: test.settings}); got != test.want {
			t.Errorf("%s %v: %q, want %q", test.module, test.settings, got, test.want)
		}
	}
}
