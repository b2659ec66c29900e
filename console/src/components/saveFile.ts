/** Saves a file on the reader's machine. */
export function saveFile(name: string, content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken the address by the next turn, and its memory can go.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}
