package tidy

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Markdown is read by lines and patterns, which is enough for the plain pages of a repository: a link is not broken
// over two lines.
var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	inlineLink = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)`)              // [text](target "title"), ![text](target)
	namedLink  = regexp.MustCompile(`^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)`) // [name]: target
	scheme     = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*:|//)`)   // leaves the repository
	fence      = regexp.MustCompile("^\\s*(```|~~~)")                   // begins or ends a block of code
)

// checkLinks: every relative link of a Markdown file points to a file or a folder of the repository. Links with a
// scheme, links within the page, and code are not looked at; neither are the headings that a link may name.
func checkLinks(t *tree) []breach {
	var out []breach
	for _, p := range t.pages {
		inCode := false
		for i, l := range strings.Split(p.text, "\n") {
			if fence.MatchString(l) {
				inCode = !inCode
			}
			if inCode {
				continue
			}
			l = inlineCode.ReplaceAllString(l, "``")
			for _, m := range append(inlineLink.FindAllStringSubmatch(l, -1), namedLink.FindAllStringSubmatch(l, -1)...) {
				if why := deadLink(t.fsys, path.Dir(p.path), m[1]); why != "" {
					out = append(out, breach{p.path, i + 1, fmt.Sprintf("the link %q %s", m[1], why)})
				}
			}
		}
	}
	return out
}

// deadLink says what is wrong with a link on a page of a folder, or nothing.
func deadLink(fsys fs.FS, dir, link string) string {
	if scheme.MatchString(link) || strings.HasPrefix(link, "#") {
		return ""
	}
	target, _, _ := strings.Cut(link, "#")
	target, err := url.PathUnescape(target)
	switch {
	case err != nil:
		return "cannot be read: " + err.Error()
	case strings.HasPrefix(target, "/"): // means the root of a web site on one host and of the tree on another
		return "is absolute; make it relative to the page"
	}
	target = path.Join(dir, target)
	if !fs.ValidPath(target) { // begins with ../ after cleaning
		return "leaves the repository"
	}
	if _, err := fs.Stat(fsys, target); err != nil {
		return fmt.Sprintf("points to %s, which does not exist", target)
	}
	return ""
}
