"""The comparison page: one HTML file that holds its data, its pictures and the plotting library.

`build` fills `page.html` with `page.css`, the scripts (in the order of `SCRIPTS`) and what
`content` makes of a comparison: `columns` and `settings` of its table, `groups` of runs over seeds,
the test images that `image_choice` finds worth their bytes. `charts` and `key_charts` say in
Vega-Lite what is drawn, `packing` writes numbers, `vega` bundles the plotting library. There is no
build step: what is in the folder is what the browser gets. A content security policy in the page
forbids every request.
"""
