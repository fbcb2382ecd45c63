package tidy

import "testing"

func TestLinks(t *testing.T) {
	page := func(text string) map[string]string {
		return map[string]string{"docs/a.md": text, "docs/b c.md": "", "README.md": "", "wka/list.go": "package wka"}
	}
	try(t, checkLinks, []trial{
		{"a page beside", page("[x](b%20c.md#part)"), nil},
		{"a page above", page(`[x](../README.md "title") ![y](./a.md)`), nil},
		{"a folder", page("[x](../wka)"), nil},
		{"elsewhere", page("[x](https://go.dev) [y](mailto:a@example.org) [z](#part) <https://go.dev>"), nil},
		{"missing", page("\n[x](c.md)"), []string{"docs/a.md:2 | points to docs/c.md"}},
		{"a missing picture", page("![x](c.png)"), []string{"docs/a.md:1 | "}},
		{"two in a line", page("[x](c.md) and [y](d.md)"), []string{"docs/a.md:1 | docs/c.md", "docs/a.md:1 | docs/d.md"}},
		{"a named target", page("[x]: c.md"), []string{"docs/a.md:1 | docs/c.md"}},
		{"absolute", page("[x](/README.md)"), []string{"docs/a.md:1 | is absolute"}},
		{"outside", page("[x](../../README.md)"), []string{"docs/a.md:1 | leaves the repository"}},
		{"unreadable", page("[x](%zz)"), []string{"docs/a.md:1 | cannot be read"}},
		{"code", page("`[x](c.md)`\n```\n[x](c.md)\n```\n[x](d.md)"), []string{"docs/a.md:5 | docs/d.md"}},
	})
}
