/** Open the dialog. */
export function openExport() {}
