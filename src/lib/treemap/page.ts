import {createHash} from 'node:crypto'
import type {PageData} from './page-data.ts'
import {packTree, type TreemapFile} from './tree.ts'

export interface TreemapPage {
  /** what is shown, such as "example-app, build 20261123-101500-k3xq" */
  title: string
  /** a line below it: totals */
  summary: string
  /** the rules' file; null: there is none, and everything is kept */
  rulesFile: string | null
  /** in the order that `TreemapFile.rule` counts by */
  rules: readonly {line: number; text: string}[]
  files: Iterable<TreemapFile>
}

/** The page's own program and style, bundled: `dist/page`. */
export interface PageAssets {
  script: string
  style: string
}

/**
 * Makes one page of HTML that needs nothing else, and may ask for nothing: its policy permits its own program and
 * style by their digests and no request at all. Names of files are in it as JSON alone, in which `<` is escaped.
 */
export function renderTreemap({title, summary, rulesFile, rules, files}: TreemapPage, {script, style}: PageAssets): string {
  const data: PageData = {title, rulesFile, rules: rules.map(({line, text}) => ({line, text})), tree: packTree(files)}
  const policy = `default-src 'none'; script-src '${digest(script)}'; style-src '${digest(style)}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escape(title)}</h1>
<p>${escape(summary)}</p>
</header>
<div class="tools">
<input type="search" id="search" placeholder="Search paths ( / )" aria-label="Search paths" autocomplete="off" spellcheck="false">
<fieldset><legend>Area</legend>
<label><input type="radio" name="measure" value="packed" checked autocomplete="off"> in the slug</label>
<label><input type="radio" name="measure" value="size" autocomplete="off"> on disk</label>
</fieldset>
<ul class="legend"><li>kept</li><li class="dropped">dropped</li></ul>
<p id="found" role="status"></p>
</div>
<nav aria-label="Folder"><ol id="crumbs"></ol></nav>
<main>
<div class="picture">
<canvas id="map" tabindex="0" role="application" aria-label="Treemap. Arrow keys move, Enter zooms in, Backspace zooms out." aria-describedby="path facts"></canvas>
<div id="cursor" hidden></div>
</div>
<aside><h2 id="list-title"></h2><ul id="list"></ul></aside>
</main>
<footer aria-live="polite"><bdi id="path"></bdi><span id="facts"></span></footer>
<noscript>This page draws itself by a script of its own, which this browser does not run.</noscript>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', String.raw`\u003c`)}</script>
<script>${script}</script>
</body>
</html>
`
}

/** A source that the policy permits: https://www.w3.org/TR/CSP3/#grammardef-hash-source. */
function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
