package texts

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Lang is a language as xml:lang writes it (BCP 47).
type Lang string

// English is the language of logs, and the fallback for words that another language lacks.
const English Lang = "en"

// Keys of a language file that describe the language itself.
const (
	keyName  Key = "language.name"  // in the language itself
	keyOrder Key = "language.order" // where faults list it, ascending
)

//go:embed languages/*.json
var embedded embed.FS

// languageSet is the languages of a folder of language files, with their words.
type languageSet struct {
	order []Lang
	words map[Lang]map[Key]string
}

// extended is the set in use after AddLanguages.
var extended atomic.Pointer[languageSet]

// builtInLanguages is read at the first use, to keep the start of the commands fast.
var builtInLanguages = sync.OnceValue(func() *languageSet {
	set, err := readLanguages(BuiltIn())
	if err != nil {
		panic(err) // the files are part of the program
	}
	return set
})

func currentLanguages() *languageSet {
	if set := extended.Load(); set != nil {
		return set
	}
	return builtInLanguages()
}

// BuiltIn returns the language files of the program, such as nl.json.
func BuiltIn() fs.FS {
	files, err := fs.Sub(embedded, "languages")
	if err != nil {
		panic(err)
	}
	return files
}

// AddLanguages adds the languages of a folder of language files to the built-in ones, or replaces those of the same
// name, and returns a function that undoes this. Call it before the program writes texts: it changes what every fault
// lists. The files must have the keys and arguments of English.
func AddLanguages(files fs.FS) (undo func(), err error) {
	added, err := readLanguages(files)
	if err != nil {
		return nil, err
	}
	before := currentLanguages()
	declared := map[Key][]string{}
	for key, words := range before.words[English] {
		declared[key] = argumentNames(words)
	}
	if err := Check(files, declared); err != nil {
		return nil, err
	}
	merged := languageSet{words: maps.Clone(before.words)}
	maps.Copy(merged.words, added.words)
	merged.sort()
	extended.Store(&merged)
	return func() { extended.Store(before) }, nil
}

func readLanguages(files fs.FS) (*languageSet, error) {
	set := &languageSet{words: map[Lang]map[Key]string{}}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		words, err := readFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		set.words[Lang(strings.TrimSuffix(path.Base(name), ".json"))] = words
	}
	set.sort()
	return set, nil
}

// sort puts the languages in the order in which faults list them.
func (s *languageSet) sort() {
	s.order = slices.Sorted(maps.Keys(s.words))
	slices.SortStableFunc(s.order, func(a, b Lang) int { return s.position(a) - s.position(b) })
}

func (s *languageSet) position(l Lang) int {
	n, err := strconv.Atoi(s.words[l][keyOrder])
	if err != nil {
		return len(s.words)
	}
	return n
}

// Lookup returns the words of a key, with the names of its arguments in braces: in English when l lacks them, and the
// key itself when English does too.
func Lookup(l Lang, key Key) string {
	set := currentLanguages()
	for _, language := range [...]Lang{l, English} {
		if words, ok := set.words[language][key]; ok {
			return words
		}
	}
	return string(key)
}

// Langs returns all languages, in the order in which faults list them.
func Langs() []Lang { return slices.Clone(currentLanguages().order) }

// LangsEnglishFirst returns all languages with English in front, for an audience of developers.
func LangsEnglishFirst() []Lang {
	others := slices.DeleteFunc(Langs(), func(l Lang) bool { return l == English })
	return append([]Lang{English}, others...)
}

// Name is the language's own name for itself.
func (l Lang) Name() string { return Lookup(l, keyName) }

// PreferredLang returns the first of the named languages that has a file, or English. Each argument is a language or a
// list of languages as in Accept-Language (RFC 9110 section 12.5.4). It ignores quality values: clients list their
// preferred language first.
func PreferredLang(named ...string) Lang {
	set := currentLanguages()
	for wanted := range strings.SplitSeq(strings.Join(named, ","), ",") {
		wanted, _, _ = strings.Cut(wanted, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(wanted)), "-")
		if l := Lang(primary); set.words[l] != nil {
			return l
		}
	}
	return English
}
