import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { useMessages } from "../../i18n/language";
import { CopyIcon } from "../../components/Copyable";
import { messages } from "./messages";

// What a model writes is not trusted: HTML in it stays text, links open elsewhere and tell nothing,
// and images are links, because fetching one would tell a stranger who reads what.
const components: Components = {
  a: ({ href, children }) => <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>,
  img: ({ src, alt }) => <ImageLink src={typeof src === "string" ? src : undefined} alt={alt} />,
  pre: ({ children, node }) => {
    const code = node?.children[0];
    const text = code?.type === "element" && code.children[0]?.type === "text" ? code.children[0].value : "";
    return <div className="code"><pre tabIndex={0}>{children}</pre><CopyIcon text={text} /></div>;
  },
  table: ({ children }) => <div className="wide" tabIndex={0}><table>{children}</table></div>,
};

function ImageLink({ src, alt }: { src: string | undefined; alt: string | undefined }) {
  const t = useMessages(messages);
  const name = alt || t("image");
  return src ? <a href={src} target="_blank" rel="noopener noreferrer nofollow">{name}</a> : <>{name}</>;
}

/** Markdown that a model wrote, as far as it has come. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return <div className="markdown"><ReactMarkdown remarkPlugins={[remarkGfm]} components={components}>{text}</ReactMarkdown></div>;
});
