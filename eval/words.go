package eval

import (
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// noun is what people call a thing that the shop's catalog declares.
type noun struct{ one, many, ko string }

// kinds are the shop's kinds of records that own rows.
var kinds = map[string]noun{
	"all_orders":     {"order", "orders", "주문"},
	"items":          {"order line", "order lines", "주문 상품"},
	"logins":         {"login", "logins", "로그인"},
	"visits":         {"visit", "visits", "방문"},
	"views":          {"product view", "product views", "상품 조회"},
	"cart":           {"cart line", "cart lines", "장바구니 상품"},
	"wishlist":       {"wish list entry", "wish list entries", "찜한 상품"},
	"ad_clicks":      {"ad click", "ad clicks", "광고 클릭"},
	"social":         {"social media action", "social media actions", "소셜 활동"},
	"events":         {"event", "events", "이벤트"},
	"addresses":      {"address", "addresses", "주소"},
	"coupons":        {"coupon", "coupons", "쿠폰"},
	"messages":       {"message", "messages", "메시지"},
	"trials":         {"free trial", "free trials", "무료 체험"},
	"subscriptions":  {"subscription", "subscriptions", "정기구독"},
	"reviews":        {"review", "reviews", "리뷰"},
	"referrals":      {"referral", "referrals", "추천"},
	"returns":        {"return", "returns", "반품"},
	"participations": {"participation", "participations", "이벤트 참여"},
}

// names are the shop's attributes and fields: English where it is not the name
// itself, and Korean.
var names = map[string]noun{
	"joined": {one: "the sign-up", ko: "가입일"}, "first_seen": {one: "the first visit", ko: "첫 방문"}, "birthday": {ko: "생일"},
	"gender": {ko: "성별"}, "name": {ko: "이름"}, "email": {one: "e-mail", ko: "이메일"}, "phone": {ko: "전화번호"},
	"language": {ko: "언어"}, "signup_source": {one: "the sign-up source", ko: "가입 경로"}, "country": {ko: "국가"},
	"city": {ko: "도시"}, "postcode": {ko: "우편번호"}, "billing.country": {one: "the billing country", ko: "청구지 국가"},
	"billing.city": {one: "the billing city", ko: "청구지 도시"}, "billing.postcode": {one: "the billing postcode", ko: "청구지 우편번호"},
	"grade": {ko: "등급"}, "tags": {ko: "태그"}, "consent": {ko: "광고 수신 동의"}, "consent_email": {one: "the consent to e-mail", ko: "이메일 수신 동의"},
	"consent_sms": {one: "the consent to SMS", ko: "문자 수신 동의"}, "consent_kakao": {one: "the consent to Kakao", ko: "카카오 수신 동의"},
	"consent_push": {one: "the consent to push", ko: "푸시 수신 동의"}, "consent_night": {one: "the consent at night", ko: "야간 수신 동의"},
	"newsletter": {ko: "뉴스레터 구독"}, "store_credit": {ko: "예치금"}, "points": {ko: "적립금"}, "referrer": {ko: "유입 경로"},
	"cart_total": {ko: "장바구니 금액"}, "cart_tax": {ko: "장바구니 세금"}, "cart_gift_card": {one: "the gift card in the cart", ko: "장바구니 상품권"},
	"cart_quantity": {ko: "장바구니 수량"}, "cart_lines": {one: "the number of cart lines", ko: "장바구니 상품 종류 수"},
	"cart_updated": {one: "the last cart change", ko: "장바구니 변경 시각"},
	"placed":       {one: "time of order", ko: "주문 시각"}, "paid": {one: "payment", ko: "결제 시각"}, "delivered": {one: "delivery", ko: "배송 완료 시각"},
	"confirmed": {one: "confirmation", ko: "구매 확정 시각"}, "cancelled": {one: "cancellation", ko: "취소 시각"}, "status": {ko: "상태"},
	"total": {ko: "합계 금액"}, "discount": {ko: "할인 금액"}, "refunded": {one: "refund", ko: "환불 금액"}, "tax": {ko: "세금"},
	"shipping_fee": {ko: "배송비"}, "quantity": {ko: "수량"}, "channel": {ko: "채널"}, "store": {ko: "매장"}, "coupon": {ko: "쿠폰"},
	"ship_to.country": {one: "shipping country", ko: "배송지 국가"}, "ship_to.city": {one: "shipping city", ko: "배송지 도시"},
	"bill_to.country": {one: "the billing country", ko: "청구지 국가"}, "bill_to.city": {one: "the billing city", ko: "청구지 도시"},
	"product": {ko: "상품"}, "product.category": {one: "category", ko: "카테고리"}, "product.brand": {one: "brand", ko: "브랜드"},
	"product.price": {one: "product price", ko: "상품 가격"}, "sku": {one: "SKU", ko: "SKU"}, "price": {ko: "단가"}, "amount": {ko: "금액"},
	"page": {ko: "페이지"}, "source": {ko: "경로"}, "campaign": {ko: "캠페인"}, "added": {one: "time of adding", ko: "담은 시각"},
	"at": {one: "time", ko: "시각"}, "used": {one: "use", ko: "사용 시각"}, "expires": {one: "expiry", ko: "만료 시각"}, "revoked": {one: "revocation", ko: "회수 시각"},
	"issued": {one: "issue", ko: "발급 시각"}, "ends": {one: "end", ko: "종료 시각"}, "started": {one: "start", ko: "시작 시각"}, "converted_at": {one: "conversion", ko: "구매 전환 시각"},
	"sent": {one: "sending", ko: "발송 시각"}, "opened": {one: "opening", ko: "열람 시각"}, "clicked": {one: "click", ko: "클릭 시각"}, "code": {ko: "코드"},
	"rating": {ko: "평점"}, "reason": {ko: "사유"}, "event": {ko: "이벤트"}, "order": {ko: "주문"},
}

func englishName(name string) string {
	if n := names[name]; n.one != "" {
		return n.one
	}
	return strings.NewReplacer("_", " ", ".", " ").Replace(name)
}

func koreanName(name string) string {
	if n := names[name]; n.ko != "" {
		return n.ko
	}
	return name
}

// usualStamps are the time fields that go without saying.
var usualStamps = []string{"at", "placed", "issued", "sent", "started"}

// countedOrders is the filter of the shop's orders that count, over the record
// that many levels up.
func countedOrders(up int) string {
	var values []catalog.Value
	for _, s := range []string{"cancelled", "failed", "returned"} {
		values = append(values, catalog.StringValue(s))
	}
	status := &plan.Field{Kind: "all_orders", Up: up, Name: "status"}
	return plan.Key(&plan.Not{Term: &plan.OneOf{X: status, Values: values}})
}

var countedOrder, lineOfCounted = countedOrders(0), countedOrders(1)

// nounOf is what people call the records of an aggregate, and the filter that is
// left to tell: the shop's filter on orders that count has a name.
func nounOf(a *plan.Aggregate) (noun, []plan.Test) {
	n, known := kinds[a.Kind]
	if !known {
		n = noun{"record of " + a.Kind, "records of " + a.Kind, a.Kind}
	}
	var rest []plan.Test
	if a.Where == nil {
	} else if and, ok := a.Where.(*plan.And); ok {
		rest = inOrder(and.Terms)
	} else {
		rest = []plan.Test{a.Where}
	}
	all := len(rest)
	rest = slices.DeleteFunc(rest, func(t plan.Test) bool {
		key := plan.Key(t)
		return key == countedOrder && a.Kind == "all_orders" || key == lineOfCounted && a.Kind == "items"
	})
	switch counted := len(rest) < all; {
	case a.Kind == "all_orders" && counted:
		n = noun{"counted order", "counted orders", "유효 주문"}
	case a.Kind == "all_orders":
		n = noun{"order of any status", "orders of any status", "모든 상태의 주문"}
	case a.Kind == "items" && counted:
		n = noun{"line of a counted order", "lines of counted orders", "유효 주문 상품"}
	}
	return n, rest
}

// stampOf is the time field that selects and orders the records, where it does
// not go without saying.
func stampOf(a *plan.Aggregate) *plan.Field {
	if a.Stamp == nil || slices.Contains(usualStamps, a.Stamp.Name) {
		return nil
	}
	return a.Stamp
}

func englishKind(kind string) string {
	if n, ok := kinds[kind]; ok {
		return n.one
	}
	return "record of " + kind
}

func koreanKind(kind string) string {
	if n, ok := kinds[kind]; ok {
		return n.ko
	}
	return kind
}
