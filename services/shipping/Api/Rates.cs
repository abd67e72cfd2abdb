using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace ShopMesh.Shipping.Api;

internal static class Rates
{
    public static void MapRates(this WebApplication app) => app.MapGet("/api/shipping/options", List)
        .AllowAnonymous()
        .WithTags("Shipping")
        .WithSummary("Lists the ways to ship to a country: flat rates");

    private static Ok<ShippingOptionsResponse> List(IOptionsSnapshot<ShippingOptions> options, [Description("ISO 3166-1 alpha-2.")] string? country = null) =>
        country is not null && CountryCodes.IsAssigned(country)
            ? TypedResults.Ok(new ShippingOptionsResponse([.. options.Value.Rates.Select(rate => new ShippingOptionResponse(rate.Id, rate.Name, new(rate.Price), rate.Days))]))
            : throw new InvalidFieldException("country", "must be an ISO 3166-1 alpha-2 code");
}
