package message

import "time"

// Recipe is a ready campaign with the rule of the group that it addresses, over the
// shop's catalog. A host makes the group, sets ID, start, coupon and texts to its
// liking, and saves the campaign.
type Recipe struct {
	Group    string // a name for the group
	Rule     string // its rule; empty where the trigger says who it is
	Campaign Campaign
}

// Recipes are campaigns that shops start with. Start is when the scheduled ones run
// first; its local time is that of every day. Texts are Korean and meant to be edited;
// they use the variables name, and product where it is about one.
func Recipes(start time.Time) map[string]Recipe {
	daily := Schedule{Start: start, Unit: Days}
	sms := func(text string, coupon *CouponBlock) []Content {
		return []Content{{Channel: SMS, Text: text, Coupon: coupon}}
	}
	coupon := func(definition, name, description string) *CouponBlock {
		return &CouponBlock{Definition: definition, Name: name, Description: description}
	}
	recipes := map[string]Recipe{
		"first-purchase": {
			Group: "가입 7일, 첫 주문 전", Rule: `joined within 7d and not orders(7d) >= 1`,
			Campaign: Campaign{Name: "신규 회원의 첫 구매 유도하기", Schedule: daily, Recheck: true,
				Contents: sms("#{name}님, 가입을 환영해요. 첫 구매 쿠폰을 드립니다.", coupon("welcome", "신규 회원 첫 구매 쿠폰", "받은 날부터 3일 동안 쓸 수 있어요."))},
		},
		"product-introduction": {
			Group: "잠재 고객", Rule: `newsletter and orders = 0`,
			Campaign: Campaign{Name: "잠재 고객에게 상품 소개", Schedule: Schedule{Start: start, Unit: Weeks},
				AllowDuplicates: true, Contents: []Content{{Channel: Email, Subject: "이번 주의 상품을 소개합니다", Text: "#{name}님, 이번 주에 고른 상품입니다."}}},
		},
		"win-back": {
			Group: "이탈 고객", Rule: `orders and last(orders) not within 180d`,
			Campaign: Campaign{Name: "이탈 고객 재구매 쿠폰", Schedule: daily, Recheck: true,
				Contents: sms("#{name}님, 오랜만이에요. 다시 만나는 선물로 쿠폰을 드립니다.", coupon("win-back", "다시 만나는 쿠폰", ""))},
		},
		"abandoned-cart": {
			Campaign: Campaign{Name: "장바구니 이탈", AllowDuplicates: true,
				Trigger:  &Trigger{On: Recorded, Record: "cart", Delay: time.Hour, Unless: []string{"orders"}, Restart: true},
				Contents: sms("#{name}님, 장바구니에 담은 상품이 기다리고 있어요.", nil)},
		},
		"vip": {
			Group: "VIP", Rule: `spent(365d) in top 5% and orders(365d) in top 5%`,
			Campaign: Campaign{Name: "VIP 혜택 안내", Schedule: Schedule{Start: start, Unit: Months}, AllowDuplicates: true,
				Contents: sms("#{name}님만을 위한 이달의 혜택입니다.", coupon("vip", "VIP 쿠폰", ""))},
		},
		"birthday": {
			Group: "생일 7일 전", Rule: `anniversary(birthday) within next 7d`,
			Campaign: Campaign{Name: "생일 쿠폰", Schedule: daily, AllowDuplicates: false,
				Contents: sms("#{name}님, 생일을 축하드려요.", coupon("birthday", "생일 축하 쿠폰", ""))},
		},
		"expiring-coupon": {
			Group: "곧 끝나는 쿠폰", Rule: `coupons(where usable and expires within next 3d)`,
			Campaign: Campaign{Name: "쿠폰 만료 알림", Schedule: daily, Recheck: true,
				Contents: sms("#{name}님, 쓰지 않은 쿠폰이 사흘 안에 끝나요.", nil)},
		},
		"review-request": {
			Campaign: Campaign{Name: "리뷰 요청", AllowDuplicates: true,
				Trigger:  &Trigger{On: Recorded, Record: "delivered_items", Delay: 7 * 24 * time.Hour, Unless: []string{"reviews", "returns"}, Restart: true},
				Contents: sms("#{name}님, 받으신 상품은 어떠셨나요? 리뷰를 남겨 주세요.", nil)},
		},
		"consent-reconfirmation": {
			Campaign: Campaign{Name: "광고 수신동의 재확인", Purpose: Informational, AllowDuplicates: true, Lateness: -1,
				Trigger:  &Trigger{On: ConsentDue, Record: string(RuleReconfirm)},
				Contents: sms("#{name}님은 저희 광고 수신에 동의하셨습니다. 계속 받으시려면 그대로 두시고, 원하지 않으시면 수신거부해 주세요.", nil)},
		},
		"consent-notice": {
			Campaign: Campaign{Name: "수신동의 처리 결과 안내", Purpose: Informational, AllowDuplicates: true, Lateness: -1,
				Trigger:  &Trigger{On: ConsentDue, Record: string(RuleNotice)},
				Contents: sms("#{name}님의 광고 수신동의 의사가 처리되었습니다.", nil)},
		},
	}
	for id, r := range recipes {
		r.Campaign.ID, r.Campaign.AllowLMS = id, true
		if r.Group != "" {
			r.Campaign.Groups = []string{id}
		}
		recipes[id] = r
	}
	return recipes
}
