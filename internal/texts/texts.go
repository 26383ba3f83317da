// Package texts holds every sentence that people read: fault texts, details of faults, the implant card, the sandbox.
// Code names a text by key and gives it typed arguments; the words are data, one JSON file per language in languages/.
//
// Declare a text beside the code that uses it, as a package variable ([Declare], [Declare1], …), and write its words in
// each language file under the same key, with {name} where an argument goes:
//
//	var atMostBytes = texts.Declare1[int]("detail.at_most_bytes", "max")
//	…
//	return problem.New(TooLarge, atMostBytes.With(limit))
//
// The test of package catalogue fails for a key that a language lacks, for a key that no code declares, and for words
// whose arguments are not those of the declaration. To add a language, add its file.
//
// The package imports no other package of the module.
package texts

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Key names one text, the same in every language: an area, a dot, and a name, such as card.title. The key of a code's
// text is "code." and the code.
type Key string

// Text is a sentence that is not yet in any language: a key with its arguments, or a literal. The zero Text is empty.
type Text struct {
	key       Key
	literal   string
	arguments []argument
}

// argument is a named value: a Text is translated with the sentence that holds it, any other value is the same in all
// languages.
type argument struct {
	name  string
	value string
	text  *Text
}

// Value is what a text takes as an argument.
type Value interface {
	~string | ~int | ~int64 | Text
}

// Literal is a text that is the same in every language: a name, an algorithm, an instant.
func Literal(s string) Text { return Text{literal: s} }

// IsZero reports whether t says nothing.
func (t Text) IsZero() bool { return t.key == "" && t.literal == "" }

// Equal reports whether t and other say the same in every language.
func (t Text) Equal(other Text) bool { return t.Encode() == other.Encode() }

// String is t in English, for logs.
func (t Text) String() string { return t.Translate(English) }

// Translate writes t in language l. A text that the language lacks is written in English.
func (t Text) Translate(l Lang) string {
	if t.key == "" {
		return t.literal
	}
	words := Lookup(l, t.key)
	if len(t.arguments) == 0 {
		return words
	}
	pairs := make([]string, 0, 2*len(t.arguments))
	for _, a := range t.arguments {
		value := a.value
		if a.text != nil {
			value = a.text.Translate(l)
		}
		pairs = append(pairs, "{"+a.name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(words)
}

// stored is the form of a Text in a database.
type stored struct {
	Key       Key              `json:"key,omitempty"`
	Literal   string           `json:"literal,omitempty"`
	Arguments []storedArgument `json:"args,omitempty"`
}

type storedArgument struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Encode writes t as one line for a database: a literal as itself, any other text as JSON, and so a literal that looks
// like JSON. [Decode] reads it.
func (t Text) Encode() string {
	if t.key == "" && !strings.HasPrefix(t.literal, "{") {
		return t.literal
	}
	s := stored{Key: t.key, Literal: t.literal}
	for _, a := range t.arguments {
		argument := storedArgument{Name: a.name, Value: a.value}
		if a.text != nil {
			argument.Text = a.text.Encode()
		}
		s.Arguments = append(s.Arguments, argument)
	}
	encoded, err := json.Marshal(s)
	if err != nil { // strings only: cannot happen
		return t.String()
	}
	return string(encoded)
}

// Decode reads what [Text.Encode] wrote. Anything else is a literal, such as the English sentences that versions before
// 1.1 stored.
func Decode(encoded string) Text {
	var s stored
	if !strings.HasPrefix(encoded, "{") || json.Unmarshal([]byte(encoded), &s) != nil {
		return Literal(encoded)
	}
	t := Text{key: s.Key, literal: s.Literal}
	for _, a := range s.Arguments {
		decoded := argument{name: a.Name, value: a.Value}
		if a.Text != "" {
			text := Decode(a.Text)
			decoded.text = &text
		}
		t.arguments = append(t.arguments, decoded)
	}
	return t
}

// Join puts texts behind one another with a space between them, leaving out empty ones.
func Join(all ...Text) Text {
	var joined Text
	for _, t := range all {
		switch {
		case t.IsZero():
		case joined.IsZero():
			joined = t
		default:
			joined = sequence.With(joined, t)
		}
	}
	return joined
}

var sequence = Declare2[Text, Text]("detail.sequence", "first", "second")

// The declarations. Each kind takes a fixed number of typed arguments.
type (
	// Text1 is a text with one argument.
	Text1[A Value] struct{ declaration }
	// Text2 is a text with two arguments.
	Text2[A, B Value] struct{ declaration }
	// Text3 is a text with three arguments.
	Text3[A, B, C Value] struct{ declaration }
	// Text4 is a text with four arguments.
	Text4[A, B, C, D Value] struct{ declaration }
)

type declaration struct {
	key   Key
	names []string
}

// Declare names a text without arguments.
func Declare(key Key) Text {
	register(key)
	return Text{key: key}
}

// Declare1 names a text with one argument.
func Declare1[A Value](key Key, a string) Text1[A] { return Text1[A]{register(key, a)} }

// Declare2 names a text with two arguments.
func Declare2[A, B Value](key Key, a, b string) Text2[A, B] { return Text2[A, B]{register(key, a, b)} }

// Declare3 names a text with three arguments.
func Declare3[A, B, C Value](key Key, a, b, c string) Text3[A, B, C] {
	return Text3[A, B, C]{register(key, a, b, c)}
}

// Declare4 names a text with four arguments.
func Declare4[A, B, C, D Value](key Key, a, b, c, d string) Text4[A, B, C, D] {
	return Text4[A, B, C, D]{register(key, a, b, c, d)}
}

// With gives the text its argument.
func (t Text1[A]) With(a A) Text { return t.fill(a) }

// With gives the text its arguments.
func (t Text2[A, B]) With(a A, b B) Text { return t.fill(a, b) }

// With gives the text its arguments.
func (t Text3[A, B, C]) With(a A, b B, c C) Text { return t.fill(a, b, c) }

// With gives the text its arguments.
func (t Text4[A, B, C, D]) With(a A, b B, c C, d D) Text { return t.fill(a, b, c, d) }

func (d declaration) fill(values ...any) Text {
	t := Text{key: d.key, arguments: make([]argument, len(values))}
	for i, v := range values {
		t.arguments[i].name = d.names[i]
		switch v := v.(type) {
		case Text:
			t.arguments[i].text = &v
		case string:
			t.arguments[i].value = v
		case int:
			t.arguments[i].value = strconv.Itoa(v)
		default:
			t.arguments[i].value = fmt.Sprint(v)
		}
	}
	return t
}

// registry holds the declarations of all packages. Packages declare while the program starts, before any goroutine.
var registry = map[Key][]string{}

func register(key Key, names ...string) declaration {
	if _, twice := registry[key]; twice {
		panic("texts: " + string(key) + " is declared twice")
	}
	registry[key] = names
	return declaration{key, names}
}

func init() {
	register(keyName)
	register(keyOrder)
}

// Declared returns the argument names of every declared key.
func Declared() map[Key][]string { return maps.Clone(registry) }
