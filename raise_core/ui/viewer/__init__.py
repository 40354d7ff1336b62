"""The image viewer: a canvas in the page that is sent one slice at a time.

NiiVue, the well-kept viewer of the field, was considered: it draws on the graphics card and needs the whole volume in
the browser, which for a thoracoabdominal CT is 100 MB through the reader's network. Here the server keeps the volume
and sends the slices that are looked at, 16 bits a pixel, so window, zoom, outlines, distances and read-out answer at
once without asking it again. The scripts are part of the program; nothing is fetched from elsewhere.
"""
