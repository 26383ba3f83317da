// Package interop runs the real programs, ctrd and ctr, as processes for tests. It also contains clients in other
// languages, which prove that other toolkits interpret the contract as we do.
//
// It is separate so that the tests of the commands, of crashes and of foreign clients start, watch and end processes
// in the same way: a process never outlives its test, uses loopback only, and inherits only PATH from the
// environment.
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

// modulePath is the Go module that contains the programs.
const modulePath = "github.com/openctr/ctr"

// RunTests runs the tests of a package and then removes the programs built for them. Call it from TestMain.
func RunTests(m *testing.M) int {
	defer func() { _ = os.RemoveAll(programDirectory()) }()
	return m.Run()
}

// programDirectory returns the directory into which this process builds the programs.
func programDirectory() string {
	return filepath.Join(os.TempDir(), "ctr-programs-"+strconv.Itoa(os.Getpid()))
}

// buildPrograms builds both programs as they are released, without cgo, once per test binary.
var buildPrograms = sync.OnceValue(func() error {
	if err := os.MkdirAll(programDirectory(), 0o700); err != nil {
		return err
	}
	if _, err := runGoTool("build", "-o", programDirectory()+"/", modulePath+"/cmd/ctrd", modulePath+"/cmd/ctr"); err != nil {
		return err
	}
	// The sources of the programs are no input of the test binary, so that go test would reuse a cached result after a
	// change of them. Reading their directories makes them an input of the test.
	made, err := runGoTool("list", "-deps", "-f", "{{if and .Module .Module.Main}}{{.Dir}}{{end}}", modulePath+"/cmd/...")
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

func runGoTool(args ...string) (string, error) {
	command := exec.CommandContext(context.Background(), "go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, stderr.String())
	}
	return stdout.String(), nil
}

// ProgramPath builds the programs on its first call, and returns the path of one: "ctrd" or "ctr".
func ProgramPath(tb testing.TB, name string) string {
	tb.Helper()
	if err := buildPrograms(); err != nil {
		tb.Fatal("build the programs: ", err)
	}
	return filepath.Join(programDirectory(), name)
}

// NewCommand prepares a program that ends with the test at the latest. It runs in a temporary directory of its own
// with a minimal environment, to which environment is added.
func NewCommand(tb testing.TB, program string, environment []string, args ...string) *exec.Cmd {
	tb.Helper()
	command := exec.CommandContext(tb.Context(), program, args...)
	command.Dir = tb.TempDir()
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "TMPDIR=" + command.Dir, "LC_ALL=C.UTF-8"}, environment...)
	command.SysProcAttr = endWithParent()
	command.WaitDelay = 5 * time.Second
	return command
}

// Result is the output and exit code of a program, and its duration.
type Result struct {
	Stdout   string
	Stderr   string
	ExitCode int
	Duration time.Duration
}

// RunProgram runs a program until it ends.
func RunProgram(tb testing.TB, program string, args ...string) Result {
	tb.Helper()
	return RunProgramWithEnv(tb, program, nil, args...)
}

// RunProgramWithEnv runs a program with additional environment variables until it ends.
func RunProgramWithEnv(tb testing.TB, program string, environment []string, args ...string) Result {
	tb.Helper()
	command := NewCommand(tb, program, environment, args...)
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

// FindTool returns the path of a program of the distribution. If it is missing, SkipMissing ends the test.
func FindTool(tb testing.TB, name, debianPackage string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		SkipMissing(tb, debianPackage)
	}
	return path
}

// SkipMissing skips the test because packages of the distribution are missing. With CI=true it fails the test instead.
func SkipMissing(tb testing.TB, debianPackages string) {
	tb.Helper()
	text := "not here; install it with: sudo apt-get install -y --no-install-recommends " + debianPackages
	if os.Getenv("CI") == "true" {
		tb.Fatal(text)
	}
	tb.Skip(text)
}
