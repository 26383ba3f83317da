package main_test

import (
	"html"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

var codeBlock = regexp.MustCompile(`(?s)<pre tabindex="0"><code>(.*?)</code></pre>`)

// TestSandboxLines runs the commands of the start page unchanged.
func TestSandboxLines(t *testing.T) {
	t.Parallel()
	interop.FindTool(t, "curl", "curl")
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	home := strings.TrimSuffix(service.URL, "/ctr/v1")
	page := string(interop.FetchPage(t, service.NewHTTPClient(t), home+"/sandbox/"))
	blocks := codeBlock.FindAllStringSubmatch(page, -1)
	if len(blocks) != 5 {
		t.Fatalf("%d blocks of lines", len(blocks))
	}
	examples, err := filepath.Abs("../../docs/examples")
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	downloaded := filepath.Base(service.P12[testpki.Hospital])
	interop.WriteFile(t, filepath.Join(directory, downloaded), mustReadFile(t, service.P12[testpki.Hospital]))
	for i, want := range []string{"", "NotifyImplantResponse", "Nothing would be refused", "20", "Conforms"} {
		lines := strings.NewReplacer("bin/ctr ", interop.ProgramPath(t, "ctr")+" ", "docs/examples", examples).Replace(html.UnescapeString(blocks[i][1]))
		lines = "cd '" + directory + "'\nmkdir -p captured\ntest ! -e message.xml || cp message.xml captured/\n" + lines
		result := interop.RunProgram(t, "/bin/sh", "-euc", lines)
		if result.ExitCode != 0 || !strings.Contains(result.Stdout, want) {
			t.Errorf("exit %d\n%s\n%s%s", result.ExitCode, lines, result.Stdout, result.Stderr)
		}
	}
}
