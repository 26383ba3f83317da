// Package interop runs the real programs, ctrd and ctr, as processes for tests, and holds the foreign clients that prove
// that the contract means to others what it means to us.
//
// It is separate so that the tests of the commands, of crashes and of foreign clients start, watch and end processes in
// one way: a process never outlives its test, talks on loopback only, and takes nothing from the environment that
// happens to be there.
package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// module is where the programs are built from.
const module = "github.com/openctr/ctr"

// Main runs the tests of a package and then removes the programs that they had built. Call it from TestMain.
func Main(m *testing.M) int {
	defer func() { _ = os.RemoveAll(programs()) }()
	return m.Run()
}

// programs is where this process builds the programs.
func programs() string {
	return filepath.Join(os.TempDir(), "ctr-programs-"+strconv.Itoa(os.Getpid()))
}

// build builds both programs as they are delivered: without cgo. Once is enough for a test binary.
var build = sync.OnceValue(func() error {
	if err := os.MkdirAll(programs(), 0o700); err != nil {
		return err
	}
	if _, err := goTool("build", "-o", programs()+"/", module+"/cmd/ctrd", module+"/cmd/ctr"); err != nil {
		return err
	}
	// go test does not see what the programs are made of, and would repeat an old result when only that has changed. It
	// does see which directories a test reads, and compares what lies in them.
	made, err := goTool("list", "-deps", "-f", "{{if and .Module .Module.Main}}{{.Dir}}{{end}}", module+"/cmd/...")
	if err != nil {
		return err
	}
	for _, directory := range strings.Split(strings.TrimSpace(made), "\n") {
		if _, err := os.ReadDir(directory); err != nil {
			return err
		}
	}
	return nil
})

func goTool(args ...string) (string, error) {
	command := exec.CommandContext(context.Background(), "go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, stderr.String())
	}
	return stdout.String(), nil
}

// Program builds the programs, unless that is done, and returns the path of one: "ctrd" or "ctr".
func Program(tb testing.TB, name string) string {
	tb.Helper()
	if err := build(); err != nil {
		tb.Fatal("build the programs: ", err)
	}
	return filepath.Join(programs(), name)
}

// Command prepares a program that ends with the test at the latest, in a folder of its own and
// with a bare environment, to which the test may add.
func Command(tb testing.TB, program string, environment []string, args ...string) *exec.Cmd {
	tb.Helper()
	command := exec.CommandContext(tb.Context(), program, args...)
	command.Dir = tb.TempDir()
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "TMPDIR=" + command.Dir, "LC_ALL=C.UTF-8"}, environment...)
	command.SysProcAttr = endWithParent()
	command.WaitDelay = 5 * time.Second
	return command
}

// Result is what a program did.
type Result struct {
	Stdout string
	Stderr string
	Code   int
	Took   time.Duration
}

// Run runs a program to its end.
func Run(tb testing.TB, program string, args ...string) Result {
	tb.Helper()
	return RunWith(tb, program, nil, args...)
}

// RunWith runs a program to its end, with settings in its environment.
func RunWith(tb testing.TB, program string, environment []string, args ...string) Result {
	tb.Helper()
	command := Command(tb, program, environment, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	start := time.Now()
	err := command.Run()
	took := time.Since(start)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		tb.Fatalf("%s: %v", filepath.Base(program), err)
	}
	return Result{stdout.String(), stderr.String(), command.ProcessState.ExitCode(), took}
}

// Tool finds a program of the distribution. Without it the test is skipped, unless CI=true: there it fails.
func Tool(tb testing.TB, name, debianPackage string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, debianPackage)
	}
	return path
}

// Missing ends a test for want of packages of the distribution: it skips it, unless CI=true, where it fails.
func Missing(tb testing.TB, debianPackages string) {
	tb.Helper()
	text := "not here; install it with: sudo apt-get install -y --no-install-recommends " + debianPackages
	if os.Getenv("CI") == "true" {
		tb.Fatal(text)
	}
	tb.Skip(text)
}
