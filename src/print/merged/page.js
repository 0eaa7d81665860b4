// Arrow keys move the focus in a matrix, of which one square is reached by Tab.
for (const table of document.querySelectorAll(".matrix")) {
  const rows = [...table.tBodies[0].rows];
  const at = (row, column) => rows[row]?.cells[column]?.querySelector("button");
  let current = null;
  const choose = (button) => {
    if (current) current.tabIndex = -1;
    current = button;
    button.tabIndex = 0;
  };
  for (const button of table.querySelectorAll("button")) button.tabIndex = -1;
  const first = table.querySelector("button:is(.c, .a)") ?? table.querySelector("button:not(.e)") ?? table.querySelector("button");
  if (first) choose(first);
  table.addEventListener("focusin", (event) => {
    if (event.target.matches("button")) choose(event.target);
  });
  table.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const cell = event.target.closest("td");
    if (!step || !cell) return;
    event.preventDefault();
    let row = rows.indexOf(cell.parentNode), column = cell.cellIndex;
    for (;;) {
      row += step[0];
      column += step[1];
      if (row < 0 || row >= rows.length || column < 1 || column >= rows[0].cells.length) return;
      const next = at(row, column);
      if (next) return next.focus();
    }
  });
}
