package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// TestVersionAndManual: both programs print their version, and a manual page with their commands.
func TestVersionAndManual(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{"ctr": "ctr notify <file>", "ctrd": "ctrd admin keys rotate"} {
		program := interop.ProgramPath(t, name)
		r := interop.RunProgram(t, program, "--version")
		if r.ExitCode != 0 || r.Stderr != "" || !strings.HasPrefix(r.Stdout, name+" ") || strings.Count(r.Stdout, "\n") != 1 {
			t.Errorf("%s --version: exit code %d, %q, %q", name, r.ExitCode, r.Stdout, r.Stderr)
		}
		r = interop.RunProgram(t, program, "man")
		if r.ExitCode != 0 || r.Stderr != "" || !strings.HasPrefix(r.Stdout, ".TH ") || !strings.Contains(r.Stdout, "\n.SS \""+command+"\"\n") {
			t.Errorf("%s man: exit code %d, %q:\n%s", name, r.ExitCode, r.Stderr, r.Stdout)
		}
	}
}

// TestCompletionInBash runs the completion scripts as bash does when the user presses the tab key.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	bash := interop.FindTool(t, "bash", "bash")
	path := "PATH=" + filepath.Dir(interop.ProgramPath(t, "ctr")) + ":" + os.Getenv("PATH")
	const script = `source <("$1" completion bash)
compopt() { COMPREPLY+=("$*"); }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"_$1"
echo "${COMPREPLY[*]}"`
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"ctr", "noti"}, "notify notification"},
		{[]string{"ctr", "batch", "--save", ""}, "Draft Submit Final"},
		{[]string{"ctr", "batch", "--save", "=", "D"}, "Draft"},
		{[]string{"ctr", "--p12", ""}, "-o default"},
		{[]string{"ctrd", "admin", "au"}, "audit"},
		{[]string{"ctrd", "serve", "--data", ""}, "-o dirnames"},
		{[]string{"ctrd", "serve", "--tls-k"}, "--tls-key"},
	} {
		r := interop.RunProgramWithEnv(t, bash, []string{path}, append([]string{"-c", script, "bash"}, test.words...)...)
		if r.ExitCode != 0 || r.Stderr != "" || strings.TrimSpace(r.Stdout) != test.want {
			t.Errorf("%q: exit code %d, %q, %q; want %q", test.words, r.ExitCode, r.Stdout, r.Stderr, test.want)
		}
	}
}
