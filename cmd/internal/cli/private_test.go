package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/cmd/internal/cli"
)

// TestFindingL4NumbersElsewhere: the number of a person need not be on the command line, and no error repeats it.
func TestFindingL4NumbersElsewhere(t *testing.T) {
	directory := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "@" + path
	}
	const number, other = "48022907379", "78031412250"
	for name, tt := range map[string]struct {
		args  []string
		stdin string
		want  []string // patient and author; nil: an error
	}{
		"on the command line":     {[]string{"--patient", number}, "", []string{number, ""}},
		"as people write it":      {[]string{"--patient=-"}, "48.02.29-073.79\n", []string{number, ""}},
		"standard input":          {[]string{"--patient", "-"}, number + "\n", []string{number, ""}},
		"standard input, joined":  {[]string{"--patient=-"}, number, []string{number, ""}},
		"spaces and line ends":    {[]string{"--patient=-"}, "  " + number + " \r\nrest", []string{number, ""}},
		"two lines for two flags": {[]string{"--patient=-", "--author", "-"}, number + "\n" + other + "\n", []string{number, other}},
		"a file":                  {[]string{"--patient", file("a", number+"\n")}, "", []string{number, ""}},
		"a file and input":        {[]string{"--patient", file("b", number), "--author=-"}, other, []string{number, other}},
		"nothing on input":        {[]string{"--patient=-"}, "", nil},
		"one line for two flags":  {[]string{"--patient=-", "--author=-"}, number + "\n", nil},
		"an empty file":           {[]string{"--patient", file("c", "\n")}, "", nil},
		"a missing file":          {[]string{"--patient", "@" + filepath.Join(directory, "missing")}, "", nil},
		"a folder":                {[]string{"--patient", "@" + directory}, "", nil},
		"an endless line":         {[]string{"--patient=-"}, strings.Repeat(number, 1000), nil},
		"an endless file":         {[]string{"--patient", "@/dev/zero"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var flags struct {
				Patient string `type:"person"`
				Author  string `type:"person"`
			}
			parser, err := kong.New(&flags, cli.PersonNumbers(strings.NewReader(tt.stdin)), kong.Writers(io.Discard, io.Discard))
			if err != nil {
				t.Fatal(err)
			}
			_, err = parser.Parse(tt.args)
			if (err == nil) != (tt.want != nil) || tt.want != nil && !slices.Equal(tt.want, []string{flags.Patient, flags.Author}) {
				t.Errorf("%q, %v", flags, err)
			}
			if err != nil && strings.Contains(err.Error(), number) {
				t.Errorf("the error repeats the number: %v", err)
			}
		})
	}
}
