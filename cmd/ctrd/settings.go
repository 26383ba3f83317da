package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// settings gives flags of serve that the command line does not: from the environment as CTR_NAME_OF_FLAG, or else from
// the configuration file. A key that is no flag is refused, so that a typing error cannot weaken a service silently.
type settings struct {
	getenv func(string) string
	file   string
	values map[string]any
}

// configFile finds --config before the flags are parsed, because the file gives flags.
func configFile(args []string) string {
	for i, arg := range args {
		if name, ok := strings.CutPrefix(arg, "--config="); ok {
			return name
		}
		if arg == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// readSettings reads the configuration file, if there is one. It must be read before the command line is parsed: kong
// asks for values first, and validates last.
func readSettings(getenv func(string) string, file string) (*settings, error) {
	s := &settings{getenv: getenv, file: file}
	if file == "" {
		return s, nil
	}
	octets, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	if err := json.Unmarshal(octets, &s.values); err != nil {
		return nil, fmt.Errorf("configuration file %s: not a JSON object: %w", file, err)
	}
	return s, nil
}

// Validate refuses what the file should not hold.
func (s *settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		if command.Name == "serve" {
			for _, flag := range command.Flags {
				known[flag.Name] = true
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if !known[key] {
			return fmt.Errorf("configuration file %s: unknown key %q; the keys are the flags of serve (see ctrd serve --help)", s.file, key)
		}
	}
	return nil
}

// takesSettings reports whether a command runs on the register of a service, and so with the service's settings.
func takesSettings(command *kong.Command) bool {
	if command.Name == "serve" {
		return true
	}
	for node := command.Parent; node != nil; node = node.Parent {
		if node.Name == "admin" {
			return true
		}
	}
	return false
}

// Resolve gives a flag's value, or nil.
func (s *settings) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if parent.Command == nil || !takesSettings(parent.Command) {
		return nil, nil //nolint:nilnil // kong's way to say "not from here"
	}
	if value := s.getenv("CTR_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))); value != "" {
		return value, nil
	}
	switch value := s.values[flag.Name].(type) {
	case nil:
		return nil, nil //nolint:nilnil // kong's way to say "not from here"
	case []any:
		parts := make([]string, len(value))
		for i, part := range value {
			parts[i] = fmt.Sprint(part)
		}
		return strings.Join(parts, ","), nil
	default:
		return fmt.Sprint(value), nil
	}
}
