"""The report as one page: HTML with pictures in SVG, without a script, a link or a font from outside."""
