import type { Messages } from "../i18n/messages";

/** Texts that more than one page needs. */
export const shared = {
  cancel: ["Cancel", "取消"],
  copied: ["Copied", "已复制"],
  copy: ["Copy", "复制"],
  created: ["Created", "创建时间"],
  done: ["Done", "完成"],
  failed: ["Something went wrong.", "出错了。"],
  loading: ["Loading", "正在加载"],
  more: ["Show more", "显示更多"],
  never: ["Never", "从未"],
  none: ["None", "无"],
  requestId: ["Request id: {id}", "请求编号：{id}"],
  retry: ["Try again", "重试"],
  save: ["Save", "保存"],
  saved: ["Saved", "已保存"],
  shownOnce: ["This is shown once. Copy it now and keep it in a safe place.", "仅显示这一次。请立即复制并妥善保管。"],
  unreachable: ["The platform cannot be reached. Check the connection.", "无法连接到平台，请检查网络连接。"],
} satisfies Messages;
