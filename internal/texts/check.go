package texts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
)

// Check compares language files with declarations, the names of the arguments by key. Its error lists every key that a
// file lacks, every key that is not declared, every argument that is missing or unknown, and every key that a file has
// twice or without words.
func Check(files fs.FS, declared map[Key][]string) error {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return err
	}
	var all []error
	for _, name := range names {
		words, err := readFile(files, name)
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", name, err))
			continue
		}
		for _, finding := range compareWords(words, declared) {
			all = append(all, fmt.Errorf("%s: %w", name, finding))
		}
	}
	return errors.Join(all...)
}

func compareWords(words map[Key]string, declared map[Key][]string) (all []error) {
	for _, key := range slices.Sorted(maps.Keys(declared)) {
		text, ok := words[key]
		switch {
		case !ok:
			all = append(all, fmt.Errorf("%s is missing", key))
			continue
		case text == "":
			all = append(all, fmt.Errorf("%s has no words", key))
			continue
		}
		used := argumentNames(text)
		for _, name := range declared[key] {
			if !slices.Contains(used, name) {
				all = append(all, fmt.Errorf("%s lacks the argument {%s}", key, name))
			}
		}
		for _, name := range used {
			if !slices.Contains(declared[key], name) {
				all = append(all, fmt.Errorf("%s has {%s}, which is not an argument of it", key, name))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(words)) {
		if _, ok := declared[key]; !ok {
			all = append(all, fmt.Errorf("%s is declared by no code", key))
		}
	}
	return all
}

var argumentForm = regexp.MustCompile(`\{([a-z][a-z_0-9]*)\}`)

// argumentNames returns the names in braces, each once.
func argumentNames(words string) []string {
	var names []string
	for _, match := range argumentForm.FindAllStringSubmatch(words, -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names
}

// readFile reads a language file: one JSON object of strings. It refuses a repeated key, which package json would
// accept.
func readFile(files fs.FS, name string) (map[Key]string, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.Join(errors.New("it is not a JSON object"), err)
	}
	words := map[Key]string{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := Key(fmt.Sprint(token))
		var text string
		if err := d.Decode(&text); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if _, twice := words[key]; twice {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		words[key] = text
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return words, nil
}
