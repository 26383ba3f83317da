// Package textedit reads and applies the changes that the text cases of tests make to a message or a program, one per
// line, such as "set ctr:Patient to 05041801691". Call [Parse] and [Edit.Apply].
//
// It is separate because the cases of the SOAP door, of ctr check and of the broken clients share this one language. An
// edit operates on the text, so that it can also produce what no XML library would write, and changes nothing else. It
// is for tests only and imports no other package of this module.
package textedit

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ErrUnknownWord reports a line that does not begin with the verb of an edit.
var ErrUnknownWord = errors.New("unknown word")

// Edit is a change of a text.
type Edit struct {
	verb, what, where string
}

// Parse parses an edit:
//
//	set PATH to XML        the content of an element
//	add XML before PATH    also: after, into (at its end)
//	move PATH into PATH
//	remove PATH
//	replace TEXT => TEXT   the first occurrence
//	replace all TEXT => TEXT
//
// A PATH is a name, such as ctr:Patient, or nested names, such as ctr:Implant[2]/ctr:UDI.
func Parse(line string) (Edit, error) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "set":
		where, what, _ := strings.Cut(rest+" ", " to ") // the new content may be empty
		return Edit{"set", strings.TrimSuffix(what, " "), where}, nil
	case "remove":
		return Edit{"remove", "", rest}, nil
	case "replace":
		if all, ok := strings.CutPrefix(rest, "all "); ok {
			verb, rest = "replace all", all
		}
		from, to, ok := strings.Cut(rest, " =>")
		if !ok {
			return Edit{}, errors.New("replace TEXT => TEXT")
		}
		return Edit{verb, strings.TrimPrefix(to, " "), from}, nil
	case "add", "move":
		parts := additionPattern.FindStringSubmatch(rest)
		if parts == nil {
			return Edit{}, errors.New("before, after or into what?")
		}
		return Edit{verb + " " + parts[2], parts[1], parts[3]}, nil
	}
	return Edit{}, ErrUnknownWord
}

var additionPattern = regexp.MustCompile(`^(.*) (before|after|into) (\S+)$`)

// Expand returns the edit with its abbreviations replaced: those in the new content, and in the old text of a
// replacement. It returns the same edit if expand is nil.
func (e Edit) Expand(expand func(string) string) Edit {
	if expand == nil {
		return e
	}
	e.what = expand(e.what)
	if strings.HasPrefix(e.verb, "replace") {
		e.where = expand(e.where)
	}
	return e
}

// Replacement returns the old and the new text of an edit that replaces one occurrence.
func (e Edit) Replacement() (old, now string, ok bool) { return e.where, e.what, e.verb == "replace" }

// String returns the verb and the place of an edit.
func (e Edit) String() string { return e.verb + " " + e.where }

// Apply changes a text. What the edit changes must be there.
func (e Edit) Apply(text string) (string, error) {
	if strings.HasPrefix(e.verb, "replace") {
		if !strings.Contains(text, e.where) {
			return "", fmt.Errorf("%q is not in the text", e.where)
		}
		if e.verb == "replace all" {
			return strings.ReplaceAll(text, e.where, e.what), nil
		}
		return strings.Replace(text, e.where, e.what, 1), nil
	}
	at, err := locateElement(text, e.where)
	if err != nil {
		return "", err
	}
	switch e.verb {
	case "set":
		return text[:at.inside] + e.what + text[at.close:], nil
	case "remove":
		return text[:at.start] + text[at.end:], nil
	case "add before":
		return text[:at.start] + e.what + text[at.start:], nil
	case "add after":
		return text[:at.end] + e.what + text[at.end:], nil
	case "add into":
		return text[:at.close] + e.what + text[at.close:], nil
	case "move into":
		return moveElement(text, e.what, at)
	}
	return "", ErrUnknownWord
}

// moveElement moves the element at a path to the end of another one.
func moveElement(text, path string, to span) (string, error) {
	moved, err := locateElement(text, path)
	if err != nil {
		return "", err
	}
	element := text[moved.start:moved.end]
	if moved.end <= to.close { // removing the earlier element shifts the target
		return text[:moved.start] + text[moved.end:to.close] + element + text[to.close:], nil
	}
	text = text[:moved.start] + text[moved.end:]
	return text[:to.close] + element + text[to.close:], nil
}

var repetition = regexp.MustCompile(`\[(\d+) times ([^\]]+)\]`)

// ExpandRepetitions replaces every "[1000 times TEXT]" in a text; see Repeat.
func ExpandRepetitions(text string) string {
	return repetition.ReplaceAllStringFunc(text, func(found string) string {
		parts := repetition.FindStringSubmatch(found)
		times, err := strconv.Atoi(parts[1])
		if err != nil {
			return found
		}
		return Repeat(parts[2], times)
	})
}

// Repeat repeats a text; a percent sign becomes the index.
func Repeat(text string, times int) string {
	first, rest, numbered := strings.Cut(text, "%")
	if !numbered {
		return strings.Repeat(text, times)
	}
	more := strings.Split(rest, "%")
	all := make([]byte, 0, times*(len(text)+len(strconv.Itoa(times))*len(more)))
	for i := range times {
		all = append(all, first...)
		for _, part := range more {
			all = append(strconv.AppendInt(all, int64(i), 10), part...)
		}
	}
	return string(all)
}

// span holds the offsets of an element in a text.
type span struct{ start, inside, close, end int }

// locateElement finds an element by its path.
func locateElement(text, path string) (span, error) {
	within := span{0, 0, len(text), len(text)}
	for step := range strings.SplitSeq(path, "/") {
		name, nth := step, 1
		if before, index, ok := strings.Cut(strings.TrimSuffix(step, "]"), "["); ok {
			n, err := strconv.Atoi(index)
			if err != nil {
				return span{}, err
			}
			name, nth = before, n
		}
		found, from := span{}, within.inside
		for range nth {
			var ok bool
			if found, ok = findNextElement(text[:within.close], name, from); !ok {
				return span{}, fmt.Errorf("%s is not in the text", path)
			}
			from = found.end
		}
		within = found
	}
	return within, nil
}

// findNextElement finds the next element with a name.
func findNextElement(text, name string, from int) (span, bool) {
	for {
		i := strings.Index(text[from:], "<"+name)
		if i < 0 {
			return span{}, false
		}
		start := from + i
		from = start + 1 + len(name)
		if from < len(text) && !strings.ContainsRune(" >/\t\n", rune(text[from])) {
			continue
		}
		inside := start + strings.IndexByte(text[start:], '>') + 1
		if text[inside-2] == '/' {
			return span{start, inside, inside, inside}, true
		}
		i = strings.Index(text[inside:], "</"+name+">")
		if i < 0 {
			return span{}, false
		}
		return span{start, inside, inside + i, inside + i + len(name) + 3}, true
	}
}
