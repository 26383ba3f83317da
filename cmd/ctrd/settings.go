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

// settings is a kong.Resolver for flags of serve that are not on the command line. It reads the environment variable
// CTR_NAME_OF_FLAG, or else the configuration file. It rejects unknown keys, so that a typing error cannot silently
// weaken a service.
type settings struct {
	getenv func(string) string
	file   string
	values map[string]any
}

// findConfigFile finds --config before the flags are parsed, because the file provides flags.
func findConfigFile(args []string) string {
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

// readSettings reads the configuration file, if there is one. It must run before the command line is parsed, because
// kong resolves values first and validates last.
func readSettings(getenv func(string) string, file string) (*settings, error) {
	s := &settings{getenv: getenv, file: file}
	if file == "" {
		return s, nil
	}
	data, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	if err := json.Unmarshal(data, &s.values); err != nil {
		return nil, fmt.Errorf("configuration file %s: not a JSON object: %w", file, err)
	}
	return s, nil
}

// Validate rejects unknown keys in the file.
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
			return fmt.Errorf(
				"configuration file %s: unknown key %q; the keys are the flags of serve (see ctrd serve --help)", s.file, key,
			)
		}
	}
	return nil
}

// usesServiceSettings reports whether a command uses the settings of a service: serve and every admin command.
func usesServiceSettings(command *kong.Command) bool {
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

// Resolve returns a flag's value, or nil if it is not set here.
func (s *settings) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if parent.Command == nil || !usesServiceSettings(parent.Command) {
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
