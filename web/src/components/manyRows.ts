/** From so many rows on only those in sight are in the page, and the table scrolls in itself; with fewer than these all are again. */
const manyRows = 150;
const fewRows = 120;

/** isMany does not change back and forth with a list that goes on around the boundary. */
export const isMany = (rows: number, was: boolean): boolean => rows >= (was ? fewRows : manyRows);
